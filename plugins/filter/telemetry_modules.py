# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: telemetry_modules
short_description: What the endpoint of a host leads to
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - The modules of exporter_exporter, through which another host asks the exporters and applications of this one.
positional: _input
options:
  _input:
    description: The exporters of the host.
    type: list
    elements: str
    required: true
  instances:
    description: Its instances of Redis, each with C(name), C(port) and C(queues).
    type: list
    elements: dict
    default: []
  apps:
    description: Its applications.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show what the endpoint leads to
  ansible.builtin.debug:
    msg: "{{ ['node', 'redis'] | farol.vps.telemetry_modules([{'name': 'cache', 'port': 6379}]) }}"
"""

RETURN = r"""
_value:
  description: Port and path on the loopback, by the name to ask for.
  type: dict
  sample: {node: {port: 9100, path: /metrics}}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._telemetry import modules


def telemetry_modules(exporters, instances=(), apps=()):
    return modules(exporters, instances, apps)


class FilterModule:
    def filters(self):
        return {"telemetry_modules": telemetry_modules}
