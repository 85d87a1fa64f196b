# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has done so far, a JSON object a line, so that it can be told after a kill, too.

Events: `begin` (what, stages), `start` (stage, log), `step` (stage, step, seconds, ok), `end` (stage, seconds, outcome, error, notes).
Seconds are floats; `outcome` is one of OUTCOMES.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSED, FAILED, TIMED_OUT, UNFINISHED = "passed", "FAILED", "TIMED OUT", "UNFINISHED"
RECORD = Path(__file__).resolve().parents[2] / ".cache/run.jsonl"
OUTCOMES = (PASSED, FAILED, TIMED_OUT, UNFINISHED)


@dataclass
class Row:
    """One stage of a run, as far as it came."""

    stage: str
    log: str
    seconds: float = 0.0
    outcome: str = UNFINISHED
    steps: dict[str, float] = field(default_factory=dict)
    failed_step: str = ""
    error: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Record:
    """A file of events; each is on disk when `add` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, what: str, stages: list[str]) -> None:
        """Forget the run before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")
        self.add(event="begin", what=what, stages=stages)

    def add(self, **event: Any) -> None:
        with self.path.open("a") as stream:
            stream.write(json.dumps(event) + "\n")

    def events(self) -> list[dict[str, Any]]:
        """Empty where nothing was recorded."""
        try:
            return [json.loads(line) for line in self.path.read_text().splitlines()]
        except FileNotFoundError:
            return []

    def planned(self) -> list[str]:
        """The stages that the run was to have."""
        return next((it["stages"] for it in self.events() if it["event"] == "begin"), [])

    def rows(self) -> list[Row]:
        """The stages in the order in which they began."""
        return rows(self.events())


def rows(events: Iterable[dict[str, Any]]) -> list[Row]:
    made: dict[str, Row] = {}
    for event in events:
        if event["event"] == "start":
            made[event["stage"]] = Row(event["stage"], event["log"])
        elif event["event"] == "step":
            row = made[event["stage"]]
            row.steps[event["step"]] = row.steps.get(event["step"], 0.0) + event["seconds"]
            if not event["ok"]:
                row.failed_step = event["step"]
        elif event["event"] == "end":
            row = made[event["stage"]]
            row.seconds, row.outcome = event["seconds"], event["outcome"]
            row.error, row.notes = event["error"], event["notes"]
    return list(made.values())


def table(made: list[Row]) -> str:
    """A line for each stage, and below what failed the step, the error and the log; ends with the sum."""
    if not made:
        return "nothing was run"
    width = max(len(row.stage) for row in made)
    lines = [f"{'stage':{width}}  seconds  outcome     steps, notes"]
    for row in made:
        steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in row.steps.items())
        more = "; ".join(filter(None, [steps, *row.notes]))
        lines.append(f"{row.stage:{width}}  {row.seconds:7.0f}  {row.outcome:10}  {more}".rstrip())
        if row.outcome != PASSED:
            where = [f"{row.failed_step}:"] if row.failed_step else []
            lines += [f"    {line}" for line in [*where, *row.error, f"log: {row.log}"]]
    good = sum(row.outcome == PASSED for row in made)
    lines.append(f"{good} passed, {len(made) - good} failed")
    return "\n".join(lines)


def first_failure(made: list[Row]) -> str:
    """One line on the first stage that did not pass; empty where all did."""
    for row in made:
        if row.outcome != PASSED:
            reason = row.error[0] if row.error else row.log
            return ": ".join(filter(None, [row.stage, row.failed_step, row.outcome, reason]))
    return "" if made else "nothing was run"
