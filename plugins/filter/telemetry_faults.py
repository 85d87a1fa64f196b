# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: telemetry_faults
short_description: What is wrong with the options of the role telemetry
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Finds what types cannot show, such as a public address to listen on, or a host that nobody knows.
positional: _input
options:
  _input:
    description: The options without their prefix, with C(host) and C(hosts), the names of this host and of all.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the options
  ansible.builtin.assert:
    that: __telemetry_options | farol.vps.telemetry_faults | length == 0
"""

RETURN = r"""
_value:
  description: One line for each fault, empty when all is well.
  type: list
  elements: str
  sample: ["telemetry_address: 203.0.113.5 is public; use a private network or WireGuard between hosts"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._telemetry import faults


def telemetry_faults(options):
    return faults(options)


class FilterModule:
    def filters(self):
        return {"telemetry_faults": telemetry_faults}
