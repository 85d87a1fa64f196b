# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: networks
short_description: Addresses and networks in their normal form
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Brings IPv4 and IPv6 addresses and networks into the one form that C(ufw) and C(nft) print.
    Host bits of a network are cut, an address is without its prefix length, and duplicates go.
  - V(0.0.0.0/0) and V(::/0) are refused, since an empty list means every address of both families.
positional: _input
options:
  _input:
    description: Addresses and networks.
    type: list
    elements: str
    required: true
  holding:
    description: Address that a network must hold to be in the answer.
    type: str
"""

EXAMPLES = r"""
- name: Show the networks
  ansible.builtin.debug:
    msg: "{{ ['10.1.2.3/8', '2001:DB8:0::/32', '192.0.2.7/32'] | farol.vps.networks }}"

- name: Refuse to go on from elsewhere
  ansible.builtin.assert:
    that: "['10.0.0.0/8'] | farol.vps.networks(holding='10.1.2.3')"
"""

RETURN = r"""
_value:
  description: The addresses and networks, in the order given.
  type: list
  elements: str
  sample: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._firewall import networks


def filter_networks(sources, holding=None):
    try:
        return networks(sources, holding)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"networks": filter_networks}
