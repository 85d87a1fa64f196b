# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stages a run consists of, in waves: the stages of a wave run two at a time, the next wave when all have ended.

Limits are in seconds, about three times what a stage takes on a loaded machine with two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .stage import Stage

PROJECT = Path(__file__).resolve().parents[2]
LAB = "molecule/lab"
GATED = "default"
# The longest first, so that none is left alone at the end, and not those that lose requests to a busy machine beside each other.
LONGEST = ("deploy", "backup", "monitoring", "hardening", "cluster", "nginx", "data", "awx")

Waves = list[list[Stage]]


def target(name: str, limit: float) -> Stage:
    """A target of the Makefile."""
    return Stage(name, ["make", "--no-print-directory", name], limit)


def scenario(name: str, limit: float = 3600) -> Stage:
    return Stage(name, ["molecule", "test", "--scenario-name", name], limit)


def scenario_names() -> list[str]:
    found = {path.parent.name for path in PROJECT.glob("molecule/*/molecule.yml")}
    return [*(it for it in LONGEST if it in found), *sorted(found - {*LONGEST})]


def lab() -> Stage:
    """What all hosts share. From nothing it takes some minutes, and shares the machine with what counts no seconds."""
    return Stage(
        "lab", ["bash", "-euc", f"{LAB}/tidy; {LAB}/services up; {LAB}/image trixie"], 2400
    )


# Unit tests use both cores and count time, so nothing runs beside them.
UNIT = [target("unit", 1200)]
BESIDE = [target("sanity", 1200), target("lint", 900), target("build", 300)]
DEMO = target("test-demo", 1500)


def check() -> Waves:
    return [BESIDE, UNIT]


def gate() -> Waves:
    return [[lab(), *BESIDE], UNIT, [scenario(GATED, 1800), DEMO]]


def everything() -> Waves:
    others = [name for name in scenario_names() if name != GATED]
    without_hosts = [target("playbooks", 900), target("site", 600), target("integration", 600)]
    return [
        *gate(),
        [target("coverage", 1800)],
        [Stage("images", ["make", "--no-print-directory", "lab"], 2400), *without_hosts],
        [scenario(name) for name in others],
    ]


def scenarios(names: Sequence[str]) -> Waves:
    return [[lab()], [scenario(name) for name in names]]
