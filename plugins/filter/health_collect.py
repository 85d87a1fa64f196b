# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_collect
short_description: The health checks of many hosts from what their tasks registered
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Brings what several tasks saw of several hosts into one list, each check with the C(host) and where it was C(seen_from).
  - A task that failed before it checked, and a host that was not reached, are failed checks. So is a host of which nothing is known.
positional: _input
options:
  _input:
    description: The hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables.
    type: dict
    required: true
  tasks:
    description:
      - The variables that tasks with M(farol.vps.health_check) and M(farol.vps.backup_info) registered, by where they looked from.
      - Those of skipped tasks are left out.
    type: dict
    required: true
  max_backup_age:
    description: Seconds that the newest whole backup of each source may have.
    type: float
    default: 93600
"""

EXAMPLES = r"""
- name: Show everything of all hosts
  run_once: true
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | farol.vps.health_collect(hostvars, seen) | farol.vps.health_summary }}"
  vars:
    seen: {outside: look_from_outside, host: look_on_host}
"""

RETURN = r"""
_value:
  description: The checks.
  type: list
  elements: dict
  sample:
    - host: vps-1
      seen_from: outside
      name: api
      type: http
      target: https://api.example.com/health at 203.0.113.5
      expected: "200"
      seen: "200"
      ok: true
      state: passed
      latency_ms: 12.4
      tries: 1
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._report import collected


def health_collect(
    hosts: Sequence[str],
    hostvars: Mapping[str, Any],
    tasks: Mapping[str, str],
    max_backup_age: float = 93600,
) -> list[dict[str, Any]]:
    """The checks of all hosts, in their order."""
    found = []
    for host in hosts:
        variables = hostvars[host]
        registered = {where: variables.get(name) for where, name in tasks.items()}
        address = variables.get("ansible_host") or host
        found += collected(host, address, registered, float(max_backup_age))
    return found


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"health_collect": health_collect}
