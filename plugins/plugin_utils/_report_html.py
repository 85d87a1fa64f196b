# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports as one page of HTML that loads nothing: no script, no font, no image from elsewhere.

Everything that was read from a host or an answer is untrusted, and is escaped where it becomes HTML, in C(text).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._report import (
    Check,
    by_host,
    counts,
    passed,
    printable,
)

STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 2rem; width: 100%; }
th, td { border-bottom: 1px solid var(--line); overflow-wrap: anywhere; padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
caption { font-weight: 600; text-align: left; }
"""
COLUMNS = ("check", "from", "type", "target", "state", "ms", "tries", "expected", "seen")
NUMBERS = ("ms", "tries")


class Cell(str):
    """HTML that this module made itself."""


def text(value: Any, style: str = "") -> Cell:
    kind = f' class="{style}"' if style else ""
    return Cell(f"<td{kind}>{escape(printable(value))}</td>")


def page(title: str, when: str, body: Iterable[str]) -> str:
    """The whole page around parts that are HTML already."""
    head = escape(printable(title))
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{head}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{head}</h1>",
        *([f"<p>{escape(printable(when))}</p>"] if when else []),
        *body,
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(lines)


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    numbers: Sequence[str] = (),
) -> str:
    heads = "".join(f"<th{_number(column in numbers)}>{escape(column)}</th>" for column in columns)
    lines = [f"<tr>{''.join(row)}</tr>" for row in rows]
    return "\n".join(
        [
            "<table>",
            f"<caption>{escape(printable(caption))}</caption>",
            f"<thead><tr>{heads}</tr></thead>",
            "<tbody>",
            *lines,
            "</tbody>",
            "</table>",
        ]
    )


def _number(is_one: bool) -> str:
    return ' class="number"' if is_one else ""


def health_page(checks: list[Check], title: str, when: str = "") -> str:
    """All checks, the failed ones first, then a table for each host."""
    total = counts(checks)
    verdict = "bad" if total["failed"] else "good"
    summary = f"{total['passed']} passed, {total['failed']} failed"
    body = [f'<p class="{verdict}">{summary}</p>']
    failed = [check for check in checks if not passed(check)]
    if failed:
        rows = [[text(check.get("host", "")), *_row(check)] for check in failed]
        body.append(table("Failed", ("host", *COLUMNS), rows, NUMBERS))
    for host, of_host in by_host(checks).items():
        caption = f"{host or 'Checks'}: {counts(of_host)['passed']} of {len(of_host)} passed"
        body.append(table(caption, COLUMNS, map(_row, of_host), NUMBERS))
    return page(title, when, body)


def _row(check: Check) -> list[Cell]:
    return [
        text(check["name"]),
        text(check.get("seen_from", "")),
        text(check["type"]),
        text(check["target"]),
        text(check["state"], "good" if passed(check) else "bad"),
        text(f"{check['latency_ms']:.0f}", "number"),
        text(check["tries"], "number"),
        text(check.get("expected", "")),
        text(check["seen"]),
    ]
