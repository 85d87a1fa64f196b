# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: provision_rules
short_description: Rules of a firewall in a provider's form
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns the rules of P(farol.vps.provision#role) into what the modules of Hetzner's and Vultr's collections take.
positional: _input, provider
options:
  _input:
    description: The rules.
    type: list
    elements: dict
    required: true
  provider:
    description: Whose form.
    type: str
    choices: [hetzner, vultr]
    required: true
  surplus_of:
    description: Rules that are there at Vultr. The answer is then those of them that are not wanted.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Have the firewall
  hetzner.hcloud.firewall:
    name: farol-vps-1
    rules: "{{ [{'port': '22'}] | farol.vps.provision_rules('hetzner') }}"
"""

RETURN = r"""
_value:
  description: The rules in that form.
  type: list
  elements: dict
  sample:
    - {direction: in, protocol: tcp, port: "22", source_ips: ["0.0.0.0/0", "::/0"]}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._provision import (
    hetzner_rules,
    vultr_rules,
)


def provision_rules(rules, provider, surplus_of=None):
    if provider == "hetzner":
        return hetzner_rules(rules)
    if provider == "vultr":
        return vultr_rules(rules, surplus_of)
    raise AnsibleFilterError(f"provision_rules: {provider} is none of hetzner, vultr")


class FilterModule:
    def filters(self):
        return {"provision_rules": provision_rules}
