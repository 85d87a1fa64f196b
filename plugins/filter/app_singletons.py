# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: app_singletons
short_description: Whether a host runs the services of an application that may run only once
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - A service with C(singleton) runs on the first host of the inventory that has the application, whichever hosts a
    play is limited to.
positional: _input, host, hosts, hostvars
options:
  _input:
    description: One entry of C(apps).
    type: dict
    required: true
  host:
    description: The host that asks.
    type: str
    required: true
  hosts:
    description: All hosts of the inventory, in their order.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show whether this host runs the scheduler
  ansible.builtin.debug:
    msg: "{{ api | farol.vps.app_singletons(inventory_hostname, groups['all'], hostvars) }}"
"""

RETURN = r"""
_value:
  description: Whether they run on this host.
  type: bool
"""


def app_singletons(app, host, hosts, hostvars):
    services = (app.get("services") or {}).values()
    if not any((service or {}).get("singleton") for service in services):
        return True
    for name in hosts:
        if any(entry["name"] == app["name"] for entry in hostvars[name].get("apps") or []):
            return name == host
    return True


class FilterModule:
    def filters(self):
        return {"app_singletons": app_singletons}
