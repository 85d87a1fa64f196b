# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: load_compare
short_description: Whether a load test went worse than the stored one
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Compares the figures of M(farol.vps.load_test) with those of an earlier run, and says what is worse by more than the margin.
  - Differences below 10 ms, or below 2 s for a queue, are noise and never a fault. A percentile counts where there are enough
    requests for it, 20 for p50, 100 for p95 and 500 for p99.
  - A fault begins with C(load_test.regression), C(load_test.failures), C(load_test.rate), C(load_test.drain) or
    C(load_test.baseline).
positional: _input
options:
  _input:
    description: What was measured.
    type: dict
    required: true
  scenario:
    description: One of P(farol.vps.load_scenarios#filter).
    type: dict
    required: true
  baseline:
    description: What RV(_value.stored) was after the run to compare with. Nothing is compared when empty.
    type: dict
    default: {}
  margin:
    description: Percent by which times may be longer.
    type: float
    default: 20
  drain:
    description: What the command registered that waited until the queue was empty, if there was one.
    type: dict
    default: {}
  host:
    description: Name of the host, for the messages.
    type: str
    default: ""
  when:
    description: Time of the run, kept in RV(_value.stored).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Fail where the application got slower
  ansible.builtin.assert:
    that: verdict.faults | length == 0
    fail_msg: "{{ verdict.faults | join('; ') }}"
  vars:
    verdict: "{{ load.figures | farol.vps.load_compare(scenario, baseline) }}"
"""

RETURN = r"""
_value:
  description: The verdict.
  type: dict
  contains:
    name:
      description: Name of the application.
      type: str
    faults:
      description: What is not as it should be.
      type: list
      elements: str
    compared:
      description: Whether there was something to compare with.
      type: bool
    rows:
      description: Lines for P(farol.vps.load_table#filter).
      type: list
      elements: list
    stored:
      description: What to store for later runs.
      type: dict
  sample:
    name: api
    compared: true
    faults: ["load_test.regression: api on vps-1: GET /: p95 is 240 ms, over 144 ms (stored 120 ms, margin 20 %)"]
    rows: []
    stored: {}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._load import (
    compare,
    drained,
    stored,
)


def load_compare(figures, scenario, baseline=None, margin=20, drain=None, host="", when=""):
    measured, undrained = drained(figures, drain or {}, scenario, host)
    verdict = compare(measured, baseline, scenario, float(margin), host)
    verdict["faults"] += undrained
    return {"name": scenario["name"], "stored": stored(scenario, measured, when), **verdict}


class FilterModule:
    def filters(self):
        return {"load_compare": load_compare}
