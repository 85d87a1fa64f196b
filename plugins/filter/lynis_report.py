# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: lynis_report
short_description: Score and findings of a report of Lynis
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads the machine-readable report, C(/var/log/lynis-report.dat) unless Lynis was told otherwise.
  - A report that Lynis did not finish is an error.
positional: _input
options:
  _input:
    description: Text of the report.
    type: str
    required: true
  reasons:
    description:
      - >-
        Why a finding stays, by the id of the test, as in V({"LOGG-2154": "logs go to Loki"}).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Read the report
  ansible.builtin.slurp:
    path: /var/log/lynis-report.dat
  register: report

- name: Show the score
  ansible.builtin.debug:
    msg: "{{ (report.content | b64decode | farol.vps.lynis_report).score }}"
"""

RETURN = r"""
_value:
  description: What the report says.
  type: dict
  contains:
    score:
      description: The hardening index, from 0 to 100.
      type: int
    version:
      description: Version of Lynis.
      type: str
    findings:
      description: Warnings and suggestions, each with C(kind), C(test), C(text) and C(reason), empty where none is known.
      type: list
      elements: dict
  sample:
    score: 92
    version: 3.1.4
    findings:
      - kind: suggestion
        test: LOGG-2154
        text: Enable logging to an external logging host
        reason: logs go to Loki
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._lynis import ReportError, read_report


def lynis_report(text: str, reasons: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Score, version and findings of a report."""
    try:
        return read_report(text, reasons)
    except ReportError as error:
        raise AnsibleFilterError(f"lynis_report: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"lynis_report": lynis_report}
