# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one command as a stage of a run: with a log, a limit and a record of its steps, and leaving no process behind."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import processes, reading
from .record import FAILED, PASSED, TIMED_OUT, UNFINISHED, Record

# ssh keeps a connection open for the next command, for a minute after the last one.
STAYS = ("ssh: ",)
POLL, SETTLES = 0.25, 5.0
stopped = threading.Event()  # set it to end what runs, and to begin nothing more


@dataclass(frozen=True)
class Stage:
    """A name for the table, the command, and after how many seconds it is ended."""

    name: str
    command: Sequence[str]
    limit: float


class Follower:
    """Reads a growing log and records Molecule's steps as they begin and end."""

    def __init__(self, log: Path, stage: str, record: Record) -> None:
        self.log, self.stage, self.record = log, stage, record
        self.position, self.step, self.since = 0, "", 0.0

    def look(self) -> None:
        with self.log.open("rb") as stream:
            stream.seek(self.position)
            text = stream.read()
        whole = text.rpartition(b"\n")[0]
        if not whole:
            return
        self.position += len(whole) + 1
        for line in whole.decode(errors="replace").splitlines():
            line = reading.plain(line)
            if match := reading.BEGUN.search(line):
                self.step, self.since = match[1], time.monotonic()
            elif (match := reading.DONE.search(line)) and match[1] == self.step:
                self.end(ok=match[2] != "Failed")

    def end(self, ok: bool) -> None:
        if self.step:
            seconds = round(time.monotonic() - self.since, 1)
            self.record.add(event="step", stage=self.stage, step=self.step, seconds=seconds, ok=ok)
            self.step = ""


def run(stage: Stage, logs: Path, record: Record) -> bool:
    """Whether it passed. It did not if it was too slow, or left a process behind."""
    log = logs / f"{stage.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    record.add(event="start", stage=stage.name, log=str(log))
    mark, start = processes.new_mark(), time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            stage.command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, mark: "1"},
            start_new_session=True,
        )
    follower = Follower(log, stage.name, record)
    try:
        outcome = _wait(process, follower, stage.limit)
        if outcome in (PASSED, FAILED):
            _settle(mark)
    finally:
        running = processes.end_family(mark)
    process.wait()
    follower.look()
    follower.end(ok=outcome == PASSED)
    lines = [reading.plain(line) for line in log.read_text(errors="replace").splitlines()]
    error, notes = [], reading.notes(lines)
    if outcome == TIMED_OUT:
        error = [f"not done after {stage.limit:.0f} s; it was at:", *_last(running, lines)]
    elif outcome == UNFINISHED:
        error = ["the run was ended; it was at:", *_last(running, lines)]
    elif outcome == FAILED:
        error = reading.error(lines)
    elif left := _left(running):
        outcome, error = FAILED, ["it left processes behind, which were ended:", *left[:3]]
    seconds = round(time.monotonic() - start, 1)
    record.add(
        event="end", stage=stage.name, seconds=seconds, outcome=outcome, error=error, notes=notes
    )
    return outcome == PASSED


def _wait(process: subprocess.Popen[bytes], follower: Follower, limit: float) -> str:
    deadline = time.monotonic() + limit
    while process.poll() is None:
        if stopped.is_set():
            return UNFINISHED
        if time.monotonic() > deadline:
            return TIMED_OUT
        follower.look()
        time.sleep(POLL)
    return PASSED if process.returncode == 0 else FAILED


def _settle(mark: str) -> None:
    """What ends by itself a moment after the command is not left behind."""
    deadline = time.monotonic() + SETTLES
    while _left(processes.family(mark)) and time.monotonic() < deadline:
        time.sleep(POLL)


def _left(running: dict[int, str]) -> list[str]:
    return [command for command in running.values() if command and not command.startswith(STAYS)]


def _last(running: dict[int, str], lines: list[str]) -> list[str]:
    """What was printed last, and the processes that were under way."""
    said = [line for line in lines if line][-2:]
    return [line[: reading.LONGEST] for line in [*said, *list(running.values())[-2:]]]
