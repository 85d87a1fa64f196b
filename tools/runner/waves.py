# SPDX-License-Identifier: GPL-3.0-or-later
"""Run waves of stages, two stages at a time, and print how each went, the table last."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import IO

from .proof import Proofs
from .record import PASSED, RECORD, Record, Row, table
from .stage import Stage, stopped
from .stage import run as run_stage
from .stages import LAB, PROJECT, Waves, scenario_names

AT_A_TIME = 2
PROOFS = threading.Lock()
LOCK = PROJECT / ".lab/running"
LOGS = PROJECT / ".cache/log"
ENVIRONMENT = {
    # Scenarios share what stands beside the hosts, so none of them takes it away.
    "LAB_SHARED": "1",
    "ANSIBLE_NOCOLOR": "1",
    "NO_COLOR": "1",
    # As in the Makefile, since a scenario is also run without it.
    "PATH": f"{PROJECT}/.venv/bin:{os.environ.get('PATH', os.defpath)}",
    "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
    "PYTHONPATH": str(PROJECT / ".collections"),
}


def run(what: str, waves: Waves, go_on: bool) -> int:
    """The exit status: 0 where every stage passed. Without `go_on` the first wave with a failure is the last."""
    os.chdir(PROJECT)
    os.environ.update(ENVIRONMENT)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    lock = _lock()
    if lock is None:
        print("another run is under way in this checkout; wait for its end", flush=True)
        return 2
    record = Record(RECORD)
    record.begin(what, [stage.name for wave in waves for stage in wave])
    hosts = any(stage.name == "lab" for wave in waves for stage in wave)
    before = _hosts() if hosts else []
    for wave in waves:
        if not _run_wave(wave, record) and not go_on:
            break
    if hosts and not stopped.is_set():
        run_stage(Stage("leftovers", [f"{LAB}/leftovers", *before], 300), LOGS, record)
    rows = record.rows()
    if not os.environ.get("FAROL_TABLE_FOLLOWS"):
        print(table(rows), flush=True)
        print(Proofs(PROJECT).summary(scenario_names()), flush=True)
    return int(stopped.is_set() or any(row.outcome != PASSED for row in rows))


def not_passed() -> set[str]:
    """The stages of the last run that did not pass or were not come to."""
    record = Record(RECORD)
    return set(record.planned()) - {row.stage for row in record.rows() if row.outcome == PASSED}


def _run_wave(wave: list[Stage], record: Record) -> bool:
    def one(stage: Stage) -> bool:
        if stopped.is_set():
            return False
        _say(f"{stage.name}: begins")
        passed = (
            _proving(stage, record)
            if stage.name in scenario_names()
            else run_stage(stage, LOGS, record)
        )
        _say(_line(record, stage.name))
        return passed

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return all(list(pool.map(one, wave)))


def _say(line: str) -> None:
    """In one piece, whatever the other stage says at this moment."""
    print(line + "\n", end="", flush=True)


def _proving(stage: Stage, record: Record) -> bool:
    """Run a scenario; a green run proves it for what was there all the time."""
    proofs = Proofs(PROJECT)
    before, start = proofs.digest(stage.name), time.monotonic()
    passed = run_stage(stage, LOGS, record)
    if passed and proofs.digest(stage.name) == before:
        with PROOFS:
            proofs.write(stage.name, before, time.monotonic() - start)
    return passed


def _line(record: Record, name: str) -> str:
    row: Row = next(row for row in record.rows() if row.stage == name)
    return f"{name}: {row.outcome} after {row.seconds:.0f} s" + (
        f": {' | '.join(row.error)}" if row.error else ""
    )


def _lock() -> IO[str] | None:
    """Held until the run ends; the lab asks for it before it takes a host of another checkout."""
    LOCK.parent.mkdir(exist_ok=True)
    stream = LOCK.open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


def _hosts() -> list[str]:
    """The hosts of this checkout that were there before; none where there is no engine yet."""
    done = subprocess.run([f"{LAB}/host", "list"], capture_output=True, text=True, check=False)
    return done.stdout.split()


def _stop(_number: int, _frame: FrameType | None) -> None:
    stopped.set()
