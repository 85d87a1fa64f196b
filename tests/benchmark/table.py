"""The measurements as a page of Markdown."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version


@dataclass(frozen=True)
class Row:
    what: str
    seconds: float
    other: str = ""
    other_seconds: float | None = None
    target: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        against = ratio = ""
        if self.other_seconds is not None:
            against = f"{self.other}: {self.other_seconds:.2f} s"
            ratio = _ratio(self.seconds / self.other_seconds)
        verdict = {True: "met", False: "missed", None: ""}[self.met]
        cells = (self.what, f"{self.seconds:.2f} s", against, ratio, self.target, verdict)
        return f"| {' | '.join(cells)} |"


def _ratio(value: float) -> str:
    if value <= 0:  # what is left of a difference may be nothing
        return ""
    return f"{value:.2f}" if value > 0.5 else f"1/{1 / value:.0f}"


def page(rows: list[Row], slowest: list[tuple[str, float]], load_before: float) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Measurements",
        "",
        "Written by `tests/benchmark/run --save`. Controller and host (a container of the lab) share one",
        f"machine: {os.cpu_count()} cores, {memory:.0f} GiB of memory, "
        f"Python {platform.python_version()}, ansible-core {version('ansible-core')}, {date.today()}.",
        f"Its load was {load_before:.1f} at the start and {os.getloadavg()[0]:.1f} at the end; "
        "more than its cores means that other work made the times longer.",
        "Read the ratios: both sides of each were measured in turn. All are medians of three, but for the run on",
        "a bare host, which was one.",
        "",
        "| what | time | against | ratio | target | |",
        "|---|---|---|---|---|---|",
        *map(str, rows),
        "",
        "The slowest tasks of an unchanged `site.yml`:",
        "",
        "| task | time |",
        "|---|---|",
        *(f"| {name} | {seconds:.2f} s |" for name, seconds in slowest),
    ]
    return "\n".join(lines) + "\n"
