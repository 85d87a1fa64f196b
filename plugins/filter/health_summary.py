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

from collections.abc import Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

WIDTH = 120
GAP = "  "
HEADER = ["name", "type", "target", "state", "ms", "tries", "seen"]
NAME = HEADER.index("name")
TARGET = HEADER.index("target")
SEEN = HEADER.index("seen")
NUMBERS = {HEADER.index("ms"), HEADER.index("tries")}
NAME_WIDTH = 30


def health_summary(results: Iterable[Any]) -> str:
    """Return the table of one list of results, or of several."""
    checks = list(_flat(results))
    rows = [HEADER, *(_row(check) for check in checks)]
    widths = _widths([max(map(len, column)) for column in zip(*rows, strict=True)])
    passed = sum(check["state"] == "passed" for check in checks)
    lines = [_line(row, widths) for row in rows] if checks else []
    return "\n".join([*lines, f"{passed} passed, {len(checks) - passed} failed"])


def _flat(results: Any) -> Iterable[dict[str, Any]]:
    if isinstance(results, (str, dict)) or not isinstance(results, Iterable):
        raise AnsibleFilterError(
            "health_summary takes the checks of farol.vps.health_check, a list, "
            f"not {type(results).__name__}"
        )
    for result in results:
        if isinstance(result, dict):
            yield result
        else:
            yield from _flat(result)


def _row(check: dict[str, Any]) -> list[str]:
    try:
        cells = [*(check[key] for key in HEADER[:4]), f"{check['latency_ms']:.0f}"]
        cells += [check["tries"], check["seen"]]
    except KeyError as error:
        raise AnsibleFilterError(
            f"health_summary takes the checks of farol.vps.health_check, and one has no {error}"
        ) from error
    return [" ".join(str(cell).split()) for cell in cells]


def _widths(widths: list[int]) -> list[int]:
    """Shorten the wide columns until a line fits."""
    widths[NAME] = min(widths[NAME], NAME_WIDTH)
    fixed = sum(widths) - widths[TARGET] - widths[SEEN] + len(GAP) * (len(widths) - 1)
    room = WIDTH - fixed
    widths[TARGET] = min(widths[TARGET], max(room // 2, room - widths[SEEN]))
    widths[SEEN] = min(widths[SEEN], room - widths[TARGET])
    return widths


def _line(row: list[str], widths: list[int]) -> str:
    cells = []
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        text = cell if len(cell) <= width else f"{cell[: width - 1]}…"
        cells.append(text.rjust(width) if index in NUMBERS else text.ljust(width))
    return GAP.join(cells).rstrip()


class FilterModule:
    """The filter health_summary."""

    def filters(self) -> dict[str, Any]:
        return {"health_summary": health_summary}
