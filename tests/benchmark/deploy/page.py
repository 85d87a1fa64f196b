"""The measured releases as a section of Markdown."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import isnan, nan
from statistics import median
from typing import Any

from table import Row

from deploy.running import Run

KINDS = {
    "deploy": "deploy",
    "rollback": "rollback to a kept release",
    "return": "rollback while the new release bakes",
    "1.2.0-unhealthy": "a version that never gets healthy",
    "1.2.0-crash": "a version that ends at once",
    "kill": "deploy killed at each of its steps, and run again",
    "recreate": "`docker compose up` (recreate)",
    "switch": "blue and green by `nginx -s reload`",
}
OURS = list(KINDS)[:6]
LATE = 500  # milliseconds


@dataclass(frozen=True)
class Loaded:
    """The load, which goes on for some seconds before and after a change."""

    rate: int = 330
    websockets: int = 10
    seconds: int = 20  # at the least
    before: int = 5
    after: int = 2


@dataclass
class Change:
    """One change under load. `faults` says in what it did not end as it should."""

    report: dict[str, Any]
    seconds: float
    runs: list[Run]
    faults: list[str] = field(default_factory=list)
    killed_at: str = ""


@dataclass
class Measured:
    """What there is so far: changes by their kind, quiet runs by theirs, each with the image's own start beside it."""

    load: Loaded
    busy: float
    migrations: list[float] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    quiet: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    unfinished: str = ""

    def all_changes(self) -> list[Change]:
        return [change for changes in self.changes.values() for change in changes]

    def runs(self, kind: str) -> list[Run]:
        return [run for change in self.changes[kind] for run in change.runs]


def page(measured: Measured) -> str:
    load = measured.load
    late = max((change.report["late_ms"] for change in measured.all_changes()), default=nan) / 1000
    faults = [
        f"- {KINDS[kind]}: {' '.join(fault.split())}"
        for kind, changes in measured.changes.items()
        for change in changes
        for fault in change.faults
    ]
    if busy := [change for change in measured.all_changes() if change.report["late_ms"] > LATE]:
        faults.append(
            f"- In {len(busy)} runs requests were sent more than {LATE / 1000} s late. Other work kept the machine too "
            "busy for it to hold the rate, so losses there say nothing of the change."
        )
    if measured.unfinished:
        faults.append(f"- {measured.unfinished}")
    lines = [
        "",
        "## Releases under load",
        "",
        f"{load.rate} requests a second for at least {load.seconds} s, sent whether or not the ones before were answered: a",
        "third each GET over kept-alive connections, GET over connections of their own, POST over kept-alive ones;",
        f"with {load.websockets} WebSockets, which leave by themselves after {load.seconds} s. The change begins after {load.before} s.",
        "*Hard* is a status that was not expected, a timeout of 5 s, a connection refused or broken; a *reset* is a",
        "kept-alive connection that ended after a request was written to it. One that ended while idle is a loss only to",
        "clients further away than these. The seconds are the median of the whole playbook, Ansible and waiting for the",
        f"WebSockets included. The machine's load was {measured.busy:.1f} at the start; no request was sent more than {late:.2f} s",
        "after it was due.",
        "",
        "| change | runs | requests | hard | reset | ended while idle | WebSockets cut | seconds | target | |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(losses(kind, measured.changes[kind]) for kind in KINDS if measured.changes[kind]),
        *(["", "What did not end as it should:", "", *faults] if faults else []),
        "",
        "Killed with SIGKILL at each step in turn, and the same deploy again; losses over both:",
        "",
        "| killed at | hard | reset | what the next run found |",
        "|---|---|---|---|",
        *map(kill, measured.changes["kill"]),
        "",
        "Without load, medians of three. The own times are those of a plain `docker run` of the same image on the same host.",
        "",
        "| what | time | against | ratio | target | |",
        "|---|---|---|---|---|---|",
        *map(str, times(measured)),
        "",
        "The steps, in seconds, as medians:",
        "",
        *steps({**measured.quiet, "deploy under load": measured.runs("deploy")}),
    ]
    return "\n".join(lines)


def losses(kind: str, changes: list[Change]) -> str:
    """What one kind of change cost, summed over its runs."""
    reports = [change.report for change in changes]
    reasons = sum((Counter(report["reasons"]) for report in reports), Counter())
    reset = reasons.pop("reset", 0)
    hard = reasons.total()
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    cut = sum(len(report["websockets"]["cut"]) for report in reports)
    opened = sum(report["websockets"]["opened"] for report in reports)
    lost = hard or reset or cut or any(change.faults for change in changes)
    cells = [
        KINDS[kind],
        len(changes),
        sum(report["sent"] for report in reports),
        f"{hard} ({why})" if why else hard,
        reset,
        sum(report["idle_closed"] for report in reports),
        f"{cut} of {opened}" if opened else "",
        f"{median(change.seconds for change in changes):.1f}",
        *(("none lost or cut", "missed" if lost else "met") if kind in OURS else ("", "")),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def kill(change: Change) -> str:
    found = [text for run in change.runs for text in run.found]
    lost = change.report["hard"], change.report["reset"]
    return f"| {change.killed_at} | {lost[0]} | {lost[1]} | {'; '.join(found)} |"


def times(measured: Measured) -> list[Row]:
    deploys, rollbacks = measured.quiet["deploy"], measured.quiet["rollback"]
    starts = measured.starts
    live, own = beyond(deploys, starts["deploy"]), middle(starts["deploy"])
    again, own_again = beyond(rollbacks, starts["rollback"]), middle(starts["rollback"])
    migration = middle([run.steps["migrate"] for run in deploys if "migrate" in run.steps])
    instant = middle([run.to_live for run in measured.runs("return") if run.switched])
    start = "its own start"
    rows = [
        Row("a new version live, beyond its own start", live, start, own, "≤ 1.5 s", live <= 1.5),
        Row("of that, its migration", migration, "`docker run` of it", middle(measured.migrations)),
        Row(
            "a kept release live, beyond its own start",
            again,
            start,
            own_again,
            "≤ 1.5 s",
            again <= 1.5,
        ),
        Row("rollback while it bakes, under load", instant, target="< 0.1 s", met=instant < 0.1),
    ]
    return [row for row in rows if not isnan(row.seconds)]  # what was not reached has no verdict


def beyond(runs: list[Run], starts: list[float]) -> float:
    """What was measured side by side is compared: other work on the machine slows both."""
    pairs = zip(runs, starts, strict=False)
    return middle([run.to_live - start for run, start in pairs if run.switched])


def middle(values: list[float]) -> float:
    return median(values) if values else nan


def steps(runs: dict[str, list[Run]]) -> list[str]:
    """A table with a row for each step and a column for each kind of run."""
    columns: dict[str, dict[str, float]] = {}
    for name, column in runs.items():
        names = dict.fromkeys(step for run in column for step in run.steps)
        columns[name] = {
            step: median(run.steps[step] for run in column if step in run.steps) for step in names
        }
    known = list(dict.fromkeys(step for column in columns.values() for step in column))
    rows = (
        [step, *(f"{c[step]:.3f}" if step in c else "" for c in columns.values())] for step in known
    )
    return [
        f"| step | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
