# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: releases_table
short_description: What app_release_info tells of an application, as a table
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - The last releases with who made them, how long they took and how they ended, the newest first, below a line on
    what serves now.
positional: _input
options:
  _input:
    description: What M(farol.vps.app_release_info) returns.
    type: dict
    required: true
  last:
    description: How many lines of the log to show.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Show the releases
  ansible.builtin.debug:
    msg: "{{ api_releases | farol.vps.releases_table }}"
"""

RETURN = r"""
_value:
  description: The table.
  type: str
  sample: |
    serves 1.4.2-1f0c9a3e (green); kept: 1.4.1-77aa01de, 1.4.2-1f0c9a3e
    time                  action   release         before          seconds  outcome   by
    2026-11-24T10:00:00Z  release  1.4.2-1f0c9a3e  1.4.1-77aa01de      5.2  released  ana
"""

HEADER = ("time", "action", "release", "before", "seconds", "outcome", "by")
SECONDS = HEADER.index("seconds")


def releases_table(info, last=20):
    rows = [HEADER, *(_row(entry) for entry in reversed(info["log"][-last:] if last else []))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join([_head(info), *(_line(row, widths) for row in rows)])


def _head(info):
    parts = [f"serves {info['serving'] or 'nothing'} ({info['colour']})"]
    if info["canary"] is not None:
        parts.append(f"a canary gets {info['canary']} % of the clients")
    if info["maintenance"]:
        parts.append("closed for maintenance")
    if info["held"]:
        parts.append(f"held back: {info['held']}")
    kept = ", ".join(release["release"] for release in info["kept"])
    return "; ".join([*parts, f"kept: {kept or 'none'}"])


def _row(entry):
    seconds = sum(step["seconds"] for step in entry.get("steps") or [])
    reason = (entry.get("reason") or "").partition("\n")[0]
    outcome = entry["outcome"] + (f": {reason}" if reason else "")
    return (
        entry["time"],
        entry["action"],
        entry["release"] or "",
        entry.get("previous") or "",
        f"{seconds:.1f}",
        outcome if len(outcome) <= 70 else f"{outcome[:69]}…",
        entry.get("by") or "",
    )


def _line(row, widths):
    cells = [
        cell.rjust(width) if index == SECONDS else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


class FilterModule:
    def filters(self):
        return {"releases_table": releases_table}
