"""How much longer an unchanged site.yml takes for eight hosts than for one. Prints a section of Markdown. Takes eight bare hosts."""

from __future__ import annotations

import os
import sys
from statistics import median

from playbook import PROJECT, Timing, play
from table import Row

HOSTS = 8
REPETITIONS = 3
TARGET = 2.5  # times


def main() -> None:
    load = os.getloadavg()[0]
    site = PROJECT / "playbooks/site.yml"
    print(f"benchmark: site.yml on {HOSTS} bare hosts", file=sys.stderr)
    first = play(site, inventory="eight")
    runs: dict[str, list[Timing]] = {"eight-1": [], "all": []}
    for _ in range(REPETITIONS):
        for limit, timings in runs.items():
            print(f"benchmark: site.yml unchanged on {limit}", file=sys.stderr)
            timings.append(play(site, inventory="eight", limit=limit))
    one, all_of_them = (median(run.wall for run in timings) for timings in runs.values())
    controller = [median(run.processor for run in timings) for timings in runs.values()]
    changed = sum(run.changed for timings in runs.values() for run in timings)
    rows = [
        Row(
            f"`site.yml` unchanged on {HOSTS} hosts, changed={changed}",
            all_of_them,
            "on one of them",
            one,
            f"≤ {TARGET}",
            all_of_them <= TARGET * one,
        ),
        Row(
            "of it, processor time of Ansible, all cores together",
            controller[1],
            "on one of them",
            controller[0],
        ),
        Row(f"`site.yml` on {HOSTS} bare hosts", first.wall),
    ]
    lines = [
        "",
        "## More hosts",
        "",
        f"Controller and all hosts share this machine's cores; its load was {load:.1f} at the start. Medians of {REPETITIONS}; the bare hosts once.",
        "",
        "| what | time | against | ratio | target | |",
        "|---|---|---|---|---|---|",
        *map(str, rows),
    ]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
