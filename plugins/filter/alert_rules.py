# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: alert_rules
short_description: The rule files of Prometheus
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Makes all alert rules, and for applications with C(slo) the recording rules and alerts of their error budgets.
  - Applications may have thresholds of their own under C(alerts).
extends_documentation_fragment: farol.vps.watched_hosts
positional: _input
options:
  settings:
    description:
      - C(thresholds), which replace the defaults; one that is null takes its alert out.
      - C(prometheus), the installed version. Before 2.42 rules say with other means that an alert goes on for a while.
      - C(runbook_url), the page that alerts link to, with the alert's name as anchor.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the rules
  ansible.builtin.debug:
    msg: "{{ (hosts | farol.vps.alert_rules({'thresholds': {'disk': 80}, 'prometheus': '2.45.3'})).alerts }}"
"""

RETURN = r"""
_value:
  description: Content of each rule file, by its name without extension.
  type: dict
  sample: {alerts: {groups: []}, slo: {groups: []}}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_files import rule_files


class FilterModule:
    def filters(self):
        return {"alert_rules": rule_files}
