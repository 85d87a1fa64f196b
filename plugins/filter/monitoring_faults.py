# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: monitoring_faults
short_description: What is wrong with the options of monitoring
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Finds unknown or senseless thresholds, objectives that can't be measured, channels that a route names and nobody set up, and
    what the installed version of Alertmanager can't do.
extends_documentation_fragment: farol.vps.watched_hosts
positional: _input
options:
  thresholds:
    description: The thresholds that replace the defaults.
    type: dict
    default: {}
  settings:
    description: The settings of P(farol.vps.alertmanager_config#filter).
    type: dict
    default: {}
  alertmanager:
    description: The version of Alertmanager that is or will be installed.
    type: str
    default: "0.26"
"""

EXAMPLES = r"""
- name: Check the options
  ansible.builtin.assert:
    that: __faults | length == 0
    fail_msg: "{{ __faults | join('; ') }}"
  vars:
    __faults: "{{ hosts | farol.vps.monitoring_faults(thresholds=monitoring_thresholds) }}"
"""

RETURN = r"""
_value:
  description: One line for each fault, empty when all is well.
  type: list
  elements: str
  sample: ["monitoring_thresholds.disc: unknown; did you mean disk?"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_alertmanager import (
    alertmanager_faults,
)
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import apps_of
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_thresholds import (
    DEFAULTS,
    app_faults,
    threshold_faults,
)


def monitoring_faults(hosts, thresholds=None, settings=None, alertmanager="0.26"):
    return [
        *threshold_faults(thresholds or {}, DEFAULTS, "monitoring_thresholds"),
        *app_faults(apps_of(hosts)),
        *(f"monitoring_{fault}" for fault in alertmanager_faults(settings or {}, alertmanager)),
    ]


class FilterModule:
    def filters(self):
        return {"monitoring_faults": monitoring_faults}
