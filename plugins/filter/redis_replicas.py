# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_replicas
short_description: The replicas of a host's Redis
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads from the inventory alone which hosts name this one as their C(redis_primary), so it knows those that a run leaves out too.
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
    msg: "{{ groups['all'] | farol.vps.redis_replicas(hostvars, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: Their addresses by their names.
  type: dict
  sample: {db-2: 10.0.0.3}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._private_network import replicas


def redis_replicas(hosts, hostvars, host):
    return replicas(hosts, hostvars, host, "redis")


class FilterModule:
    def filters(self):
        return {"redis_replicas": redis_replicas}
