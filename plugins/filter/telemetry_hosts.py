# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: telemetry_hosts
short_description: The hosts to watch, from the inventory
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads from the inventory alone what each host runs and where it is reached, so it knows those that a run leaves out too.
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
  monitor:
    description: Name of the host that watches.
    type: str
    required: true
  probe_addresses:
    description: Addresses at which to ask for a host's sites, by its name, where that is not what the DNS says.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show what there is to watch
  ansible.builtin.debug:
    msg: "{{ groups['all'] | farol.vps.telemetry_hosts(hostvars, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: One entry for each host, as P(farol.vps.scrape_configs#filter) takes it.
  type: list
  elements: dict
  sample:
    - name: web1
      host: web1
      address: 10.0.0.2
      port: 9443
      local: false
      exporters: [node, redis]
      redis: [{name: cache, port: 6379}]
      apps: []
      certificate: /etc/prometheus/farol/hosts/web1.crt
"""

from ansible_collections.farol.vps.plugins.plugin_utils._telemetry import hosts


def telemetry_hosts(names, hostvars, monitor, probe_addresses=None):
    return hosts(names, hostvars, monitor, probe_addresses)


class FilterModule:
    def filters(self):
        return {"telemetry_hosts": telemetry_hosts}
