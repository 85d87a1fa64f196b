# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: host_address
short_description: The address that a host's visitors reach it at
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives C(public_address) of the host where the inventory has it. Otherwise the name or address that SSH connects to, C(ansible_host)
    or the host's own name, with the aliases of C(~/.ssh/config) resolved by C(ssh -G).
  - A host that is reached through a jump host needs C(public_address).
  - For tasks that are delegated to the controller, where C(ansible_host) is the controller's own.
positional: _input, hostvars
options:
  _input:
    description: Name of the host in the inventory.
    type: str
    required: true
  hostvars:
    description: The variables of all hosts, C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Ask the host from outside
  delegate_to: localhost
  farol.vps.audit_outside:
    address: "{{ inventory_hostname | farol.vps.host_address(hostvars) }}"
"""

RETURN = r"""
_value:
  description: An address or a name.
  type: str
  sample: 203.0.113.10
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._host_address import host_address


def filter_host_address(name, hostvars):
    try:
        return host_address(name, hostvars)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"host_address": filter_host_address}
