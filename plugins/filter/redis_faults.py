# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_faults
short_description: What is wrong with the options of the role redis, and with the host for them
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Finds what the server would say late or never, such as more memory than the host has, or a public address to listen on.
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
    that: __redis_options | farol.vps.redis_faults | length == 0
"""

RETURN = r"""
_value:
  description: One line for each fault, empty when all is well.
  type: list
  elements: str
  sample: ["redis_instances: two have the port 6379; change one"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._redis import host_faults, option_faults


def redis_faults(options, said=None, check=False):
    return option_faults(options) if said is None else host_faults(options, said, check)


class FilterModule:
    def filters(self):
        return {"redis_faults": redis_faults}
