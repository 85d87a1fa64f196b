# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: telemetry_exporters
short_description: What a host is looked at with
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - The default of the role telemetry's list. C(node) always; C(nginx) and C(mtail) where the host has applications; C(postgres), C(pgbouncer)
    and C(redis) where it is in a group C(postgresql), C(pgbouncer) or C(redis).
positional: _input
options:
  _input:
    description: The groups of the host.
    type: list
    elements: str
    required: true
  apps:
    description: Its applications.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show what this host is looked at with
  ansible.builtin.debug:
    msg: "{{ group_names | farol.vps.telemetry_exporters(apps | default([])) }}"
"""

RETURN = r"""
_value:
  description: Names of exporters.
  type: list
  elements: str
  sample: [node, nginx, mtail, postgres]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._telemetry import exporters


def telemetry_exporters(groups, apps=()):
    return exporters(groups, apps)


class FilterModule:
    def filters(self):
        return {"telemetry_exporters": telemetry_exporters}
