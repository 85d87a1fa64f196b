# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: provision_faults
short_description: What is wrong with a VPS that is wanted
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Finds what a provider would refuse late, and what would leave a VPS that nobody can log in to.
positional: _input
options:
  _input:
    description: Rules of the firewall, as the role P(farol.vps.provision#role) takes them.
    type: list
    elements: dict
    required: true
  name:
    description: Name of the VPS.
    type: str
    required: true
  keys:
    description: SSH keys, as the role takes them.
    type: list
    elements: dict
    required: true
  ssh_port:
    description: Port of SSH.
    type: int
    default: 22
"""

EXAMPLES = r"""
- name: Check what is wanted
  ansible.builtin.assert:
    that: provision_firewall_rules | farol.vps.provision_faults(name='vps-1', keys=provision_ssh_keys) | length == 0
"""

RETURN = r"""
_value:
  description: One line for each fault, empty when all is well.
  type: list
  elements: str
  sample: ["provision_firewall_rules: port 22 is closed, and SSH could not be reached; open it"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._provision import faults


def provision_faults(rules, name, keys, ssh_port=22):
    return faults(rules, name, keys, ssh_port)


class FilterModule:
    def filters(self):
        return {"provision_faults": provision_faults}
