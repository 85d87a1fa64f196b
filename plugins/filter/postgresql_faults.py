# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_faults
short_description: What is wrong with the options of the role postgresql, and with the host for them
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Finds what PostgreSQL would say late or never, such as pools larger than C(max_connections), a public address to listen on, or a cluster
    of another major version.
positional: _input
options:
  _input:
    description: The options without their prefix, and what follows from the inventory.
    type: dict
    required: true
  said:
    description: What the host said of itself. Without it, the options alone are looked at.
    type: list
    elements: str
  check:
    description: Whether this is a check run, before which other roles have changed nothing.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check the options
  ansible.builtin.assert:
    that: __postgresql_options | farol.vps.postgresql_faults | length == 0
"""

RETURN = r"""
_value:
  description: One line for each fault, empty when all is well.
  type: list
  elements: str
  sample: ["postgresql_version: noble's own archive has 16, not 17; leave it empty, or set postgresql_source: pgdg"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_faults import (
    found,
    host_faults,
    option_faults,
)


def postgresql_faults(options, said=None, check=False):
    if said is None:
        return option_faults(options)
    host = found(said, options["version"])
    # What the roles before this one would bring is not there yet.
    return host_faults(options, {**host, "addresses": []} if check else host)


class FilterModule:
    def filters(self):
        return {"postgresql_faults": postgresql_faults}
