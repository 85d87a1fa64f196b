# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_host
short_description: What is to be checked of a host's applications on the host
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns C(apps) into checks for M(farol.vps.health_check) on the host itself. The units of Docker and Nginx, each application through
    Nginx, and the containers of its services and accessories.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  host:
    description: The host that is asked about.
    type: str
    required: true
  hosts:
    description: All hosts, in the order of the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at the host itself
  become: true
  farol.vps.health_check:
    checks: "{{ apps | farol.vps.verify_host(inventory_hostname, groups['all'], hostvars) }}"
"""

RETURN = r"""
_value:
  description: The checks.
  type: list
  elements: dict
  sample:
    - name: nginx
      type: unit
      unit: nginx.service
    - name: api services-worker
      type: container
      container: api-services-worker-1
"""

from ansible_collections.farol.vps.plugins.filter.app_singletons import app_singletons
from ansible_collections.farol.vps.plugins.plugin_utils._verify import on_host


def verify_host(apps, host, hosts, hostvars):
    return on_host(apps, lambda app: app_singletons(app, host, hosts, hostvars))


class FilterModule:
    def filters(self):
        return {"verify_host": verify_host}
