# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read Lynis's machine-readable report: lines of `key=value`, lists as `key[]=value`.

A finding is `test|text|details|solution|`, where `-` stands for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ReportError(ValueError):
    """The text is no report that Lynis finished."""


def read_report(text: str, reasons: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The score, the version and the findings, each with the reason that is known for its test."""
    score, version = None, ""
    findings = []
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals:
            continue
        if key == "hardening_index":
            score = int(value)
        elif key == "lynis_version":
            version = value
        elif key in ("warning[]", "suggestion[]"):
            findings.append(_finding(key.removesuffix("[]"), value, reasons or {}))
    if score is None:
        raise ReportError("the report has no hardening index: Lynis did not finish")
    return {"score": score, "version": version, "findings": findings}


def _finding(kind: str, value: str, reasons: Mapping[str, str]) -> dict[str, str]:
    test, text, details, *_rest = [*value.split("|"), "", ""]
    details = "" if details == "-" else details
    return {
        "kind": kind,
        "test": test,
        "text": f"{text} ({details})" if details else text,
        "reason": reasons.get(test, ""),
    }
