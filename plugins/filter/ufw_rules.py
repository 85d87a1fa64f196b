# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: ufw_rules
short_description: Rules of the firewall as UFW prints them
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives the lines that C(ufw show added) prints for rules, with a comment that marks them as the collection's.
positional: _input
options:
  _input:
    description: Rules as in the role's C(firewall_rules).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ [{'port': 5432, 'from': ['10.0.0.0/8'], 'comment': 'PostgreSQL'}] | farol.vps.ufw_rules }}"
"""

RETURN = r"""
_value:
  description: A line for each rule, or for each address that a rule is from.
  type: list
  elements: str
  sample: ["ufw allow from 10.0.0.0/8 to any port 5432 proto tcp comment 'farol: PostgreSQL'"]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._ufw import ufw_rules


def filter_ufw_rules(rules):
    try:
        return ufw_rules(rules)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"ufw_rules": filter_ufw_rules}
