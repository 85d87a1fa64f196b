# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: ufw_changes
short_description: What differs between the rules of UFW and those wanted
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Compares lines, so one question to the host tells what differs.
positional: _input
options:
  _input:
    description: The wanted lines, as P(farol.vps.ufw_rules#filter) gives them.
    type: list
    elements: str
    required: true
  shown:
    description: >-
      Lines of C(ufw show added), and C(IPv6 ) with the line of each rule for every address that holds for IPv6, too. Others are ignored.
    type: list
    elements: str
    required: true
  remove_foreign:
    description: Whether rules that the collection did not make go.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what would be run
  ansible.builtin.debug:
    msg: "{{ (firewall_rules | farol.vps.ufw_rules | farol.vps.ufw_changes(state.stdout_lines)).commands }}"
"""

RETURN = r"""
_value:
  description: >-
    C(foreign) are the rules that were made by others and are not wanted, C(commands) what leads to the wanted ones: first what is
    missing, in the given order, then what goes.
  type: dict
  sample: {foreign: ["ufw allow 21/tcp"], commands: ["ufw allow 80/tcp comment 'farol: HTTP'", "ufw delete allow 8080/tcp"]}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._ufw import ufw_changes


def filter_ufw_changes(wanted, shown, remove_foreign=False):
    return ufw_changes(wanted, shown, remove_foreign)


class FilterModule:
    def filters(self):
        return {"ufw_changes": filter_ufw_changes}
