# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What docker-bench-security prints, as warnings with their remedies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Warnings are counted where the tool says what it checked, the remedies come in a part of their own.
CHECK = re.compile(r"\[(?P<level>[A-Z]+)\]\s+(?P<id>\d+(?:\.\d+)+)\s+-\s+(?P<text>.*)")
ITEM = re.compile(r"\[WARN\]\s+\*\s+(?P<text>.*)")
REMEDIES = re.compile(r"Section \w+ - Remediation")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
KIND = re.compile(r"\s*\((Automated|Manual|Scored|Not Scored)\)\s*$")
ENDED = re.compile(r"\[INFO\] Score: (-?\d+)")


@dataclass
class Warned:
    """A check that warned, what it warned of, and what to do; the last is empty where the tool does not say."""

    id: str
    text: str
    items: list[str] = field(default_factory=list)
    remedy: str = ""


def read(printed: str) -> list[Warned]:
    """The warnings, in their order. ValueError where the tool did not come to its end."""
    found: dict[str, Warned] = {}
    current: Warned | None = None
    remedies = False
    for line in COLOUR.sub("", printed).splitlines():
        remedies = remedies or bool(REMEDIES.search(line))
        check, item = CHECK.match(line), ITEM.match(line)
        if check and remedies:
            if check["id"] in found:
                found[check["id"]].remedy = check["text"].strip()
        elif check:
            current = None
            if check["level"] == "WARN":
                current = Warned(check["id"], KIND.sub("", check["text"]).strip())
                found.setdefault(current.id, current)
        elif item and current and not remedies:
            current.items.append(item["text"].strip())
    if not ENDED.search(COLOUR.sub("", printed)):
        raise ValueError(_last(printed))
    return list(found.values())


def _last(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
