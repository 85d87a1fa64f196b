# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: runbook_hosts
short_description: What runbooks say of the hosts
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Picks names, addresses, applications, backups and balanced sites out of the inventory. Of secrets it takes the names alone.
  - Connects to nobody.
positional: _input
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what the runbooks know
  ansible.builtin.debug:
    msg: "{{ groups['all'] | farol.vps.runbook_hosts(hostvars) }}"
"""

RETURN = r"""
_value:
  description: One entry for each host, as P(farol.vps.runbook_commands#filter) takes it.
  type: list
  elements: dict
  sample:
    - name: web1
      address: 203.0.113.10
      user: deploy
      port: 22
      groups: [vps]
      apps: []
      sources: [{name: main, type: cluster}, {name: uploads, type: files}]
      repositories: [{name: spaces, type: s3, place: fra1.example.com/acme}]
      balances: []
      tls: acme
      primary: ""
      provider: ""
"""

from ansible_collections.farol.vps.plugins.plugin_utils._runbooks_hosts import describe


class FilterModule:
    def filters(self):
        return {"runbook_hosts": describe}
