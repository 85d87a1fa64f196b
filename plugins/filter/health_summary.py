# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks as a plain-text table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: health_summary
short_description: Show health checks as a table
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns the results of M(farol.vps.health_check) into a plain-text table of at most 120 columns.
  - Results that have a C(host) or a C(seen_from), as P(farol.vps.health_collect#filter) gives them, are shown with it.
positional: _input
options:
  _input:
    description: The RV(farol.vps.health_check#module:checks) of one task, or a list of them.
    type: list
    elements: raw
    required: true
"""

EXAMPLES = r"""
- name: Show the results
  ansible.builtin.debug:
    msg: "{{ health.checks | farol.vps.health_summary }}"

- name: Show the results of all hosts
  run_once: true
  ansible.builtin.debug:
    msg: "{{ results | farol.vps.health_summary }}"
  vars:
    results: "{{ ansible_play_hosts | map('extract', hostvars, ['health', 'checks']) }}"
"""

RETURN = r"""
_value:
  description: The table, a line for each check, and a last line with their number.
  type: str
  sample: |-
    name  type  target          state    ms  tries  seen
    ssh   tcp   203.0.113.5:22  passed  1.2      1  open
    1 passed, 0 failed
"""

from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._report import ReportError, counts, flat

WIDTH = 120
GAP = "  "
COLUMNS = ("name", "type", "target", "state", "ms", "tries", "seen")
# Shown where at least one check has them.
OPTIONAL = {"host": "host", "from": "seen_from"}
NUMBERS = ("ms", "tries")
LIMITS = {"host": 20, "name": 30}


def health_summary(results: Any) -> str:
    """Return the table of one list of results, or of several."""
    try:
        checks = flat(results, "health_summary")
    except ReportError as error:
        raise AnsibleFilterError(str(error)) from error
    shown = [title for title, key in OPTIONAL.items() if any(check.get(key) for check in checks)]
    columns = [*shown, *COLUMNS]
    rows = [columns, *([_cell(check, column) for column in columns] for check in checks)]
    widths = _widths(columns, [max(map(len, cells)) for cells in zip(*rows, strict=True)])
    lines = [_line(columns, row, widths) for row in rows] if checks else []
    total = counts(checks)
    return "\n".join([*lines, f"{total['passed']} passed, {total['failed']} failed"])


def _cell(check: dict[str, Any], column: str) -> str:
    if column == "ms":
        return f"{check['latency_ms']:.0f}"
    return " ".join(str(check.get(OPTIONAL.get(column, column)) or "").split())


def _widths(columns: Sequence[str], widths: list[int]) -> list[int]:
    """Shorten the wide columns until a line fits."""
    for column, limit in LIMITS.items():
        if column in columns:
            at = columns.index(column)
            widths[at] = min(widths[at], limit)
    target, seen = columns.index("target"), columns.index("seen")
    room = WIDTH - (sum(widths) - widths[target] - widths[seen] + len(GAP) * (len(widths) - 1))
    widths[target] = min(widths[target], max(room // 2, room - widths[seen]))
    widths[seen] = min(widths[seen], room - widths[target])
    return widths


def _line(columns: Sequence[str], row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        text = cell if len(cell) <= width else f"{cell[: width - 1]}…"
        cells.append(text.rjust(width) if column in NUMBERS else text.ljust(width))
    return GAP.join(cells).rstrip()


class FilterModule:
    """The filter health_summary."""

    def filters(self) -> dict[str, Any]:
        return {"health_summary": health_summary}
