# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_cluster
short_description: The primary and the replicas of a host
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads from the inventory alone who streams from whom, so it knows the hosts that a run leaves out too.
positional: _input
options:
  _input:
    description: Names of all hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables.
    type: dict
    required: true
  host:
    description: The host in question.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show who streams from this host
  ansible.builtin.debug:
    msg: "{{ (groups['all'] | farol.vps.postgresql_cluster(hostvars, inventory_hostname)).replicas }}"
"""

RETURN = r"""
_value:
  description: Names of the replicas, their addresses and slots; name, address, port and connections of the primary, and its own primary.
  type: dict
  sample:
    replicas: [db-2]
    slots: {db-2: farol_db_2}
    addresses: {db-2: 10.0.0.3}
    primary: {name: "", address: "", port: 5432, max_connections: 100, primary: "", slot: farol_db_1}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._postgresql import cluster


class FilterModule:
    def filters(self):
        return {"postgresql_cluster": cluster}
