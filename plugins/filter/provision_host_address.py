# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: provision_host_address
short_description: The address of a server in its IPv6 network
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Hetzner gives a server a whole network and configures the first address of it.
positional: _input
options:
  _input:
    description: The network, empty without one.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the address
  ansible.builtin.debug:
    msg: "{{ '2001:db8:c140::/64' | farol.vps.provision_host_address }}"
"""

RETURN = r"""
_value:
  description: The address, empty without a network.
  type: str
  sample: 2001:db8:c140::1
"""

from ansible_collections.farol.vps.plugins.plugin_utils._provision import host_address


class FilterModule:
    def filters(self):
        return {"provision_host_address": host_address}
