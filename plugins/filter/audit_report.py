# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_report
short_description: One report from what an audit saw of all hosts
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns what Lynis, docker-bench-security, M(farol.vps.audit_info) and M(farol.vps.audit_outside) saw into findings, each with a severity and a remedy, and
    into a score for each host.
  - A score is 100 less 15 for each open finding of high, 5 of medium and 1 of low severity, the latter 20 at most. What is
    accepted with a reason costs nothing.
positional: _input
options:
  _input:
    description: The hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - Their variables. C(hardening_report) holds what Lynis says, C(audit_lynis) why it did not, C(audit_docker_bench_run)
        what docker-bench-security printed, C(audit_host) and C(audit_outside)
        what the modules found, and C(audit_meant) the TCP ports that are meant to be open.
    type: dict
    required: true
  sources:
    description: What M(farol.vps.audit_outside) found in source code.
    type: dict
    default: {}
  reasons:
    description: Why findings are accepted, by their id, in which C(*) stands for anything.
    type: dict
    default: {}
  history:
    description: Text of the history.
    type: str
    default: ""
  when:
    description: Time of the audit.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Sum up
  ansible.builtin.set_fact:
    audit: "{{ ansible_play_hosts_all | farol.vps.audit_report(hostvars, reasons={'ssh:curve25519*': 'old clients'}) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    score:
      description: The lowest score of all places.
      type: int
    places:
      description: Each host, and each application whose source was looked at, with its score, findings, and what is new and gone.
      type: dict
    skipped:
      description: What was not looked at, and why.
      type: list
      elements: dict
    summary:
      description: The same as text.
      type: str
    html:
      description: The same as a page.
      type: str
    history:
      description: The history with this audit, to be kept.
      type: str
"""

from ansible_collections.farol.vps.plugins.plugin_utils._audit import (
    read_history,
    report,
    summary,
    write_history,
)
from ansible_collections.farol.vps.plugins.plugin_utils._audit_html import audit_page


def audit_report(hosts, hostvars, sources=None, reasons=None, history="", when=""):
    seen = {}
    for host in hosts:
        variables = hostvars[host]
        seen[host] = {
            "lynis": variables.get("hardening_report") or variables.get("audit_lynis"),
            "bench": variables.get("audit_docker_bench_run"),
            "host": variables.get("audit_host"),
            "outside": variables.get("audit_outside"),
            "meant": [int(port) for port in variables.get("audit_meant") or []],
        }
    before = read_history(history)
    made = report(seen, sources or {}, reasons or {}, before, when)
    return {
        **made,
        "summary": summary(made),
        "html": audit_page(made, before, "Security audit"),
        "history": write_history(before, made),
    }


class FilterModule:
    def filters(self):
        return {"audit_report": audit_report}
