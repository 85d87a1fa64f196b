# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of an audit as one page of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._report import printable
from ansible_collections.farol.vps.plugins.plugin_utils._report_html import Cell, page, table, text

SHOWN = 10


def audit_page(made: Mapping[str, Any], history: Sequence[Mapping[str, Any]], title: str) -> str:
    """Each place with its score, its findings and remedies; then what was skipped, and earlier scores."""
    body = []
    for place, about in made["places"].items():
        body.append(f"<h2>{escape(printable(place))}: {about['score']} of 100</h2>")
        body.append(f"<p>{escape(_change(about))}</p>")
        opened = [finding for finding in about["findings"] if not finding["reason"]]
        accepted = [finding for finding in about["findings"] if finding["reason"]]
        rows = [_open(finding, about["new"]) for finding in opened]
        body.append(table("Open", ("severity", "tool", "finding", "remedy", ""), rows))
        rows = [[text(one["tool"]), text(one["text"]), text(one["reason"])] for one in accepted]
        body.append(table("Accepted", ("tool", "finding", "reason"), rows))
    if made["skipped"]:
        rows = [[text(one["host"]), text(one["what"]), text(one["why"])] for one in made["skipped"]]
        body.append(table("Not looked at", ("place", "what", "why"), rows))
    rows = [
        [text(entry["when"]), text(entry["place"]), text(entry["score"], "number")]
        for entry in reversed(history[-SHOWN * len(made["places"]) :])
    ]
    body.append(table("Earlier audits", ("when", "place", "score"), rows, ("score",)))
    return page(title, made["when"], body)


def _change(about: Mapping[str, Any]) -> str:
    if about["before"] is None:
        return "No earlier audit."
    return f"{about['before']} before; {len(about['new'])} new, {len(about['gone'])} gone."


def _open(finding: Mapping[str, Any], new: Sequence[str]) -> list[Cell]:
    style = "" if finding["severity"] == "low" else "bad"
    return [
        text(finding["severity"], style),
        text(finding["tool"]),
        text(finding["text"]),
        text(finding["remedy"]),
        text("new" if finding["id"] in new else ""),
    ]
