"""Run a playbook on the benchmark's host and time it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent


@dataclass(frozen=True)
class Timing:
    wall: float
    processor: float  # seconds of Ansible's own processes, all cores together
    tasks: list[tuple[str, float]]
    ok: int
    changed: int
    skipped: int

    def of(self, name: str) -> float:
        """Seconds spent in all tasks of this name."""
        return sum(seconds for task, seconds in self.tasks if task == name)


def play(
    playbook: Path,
    tags: str = "all",
    inventory: str = "inventory",
    limit: str = "all",
    **variables: object,
) -> Timing:
    with tempfile.NamedTemporaryFile("r", suffix=".json") as durations:
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "durations,farol.vps.preload,farol.vps.module_cache",
            "DURATIONS_FILE": durations.name,
        }
        command = ["ansible-playbook", "--inventory", str(HERE / inventory), str(playbook)]
        command += ["--limit", limit]
        command += ["--tags", tags, "--extra-vars", json.dumps(variables)]
        before, start = _children(), time.monotonic()
        ran = subprocess.run(command, env=environment, capture_output=True, text=True)
        wall = time.monotonic() - start
        if ran.returncode:
            raise SystemExit(f"benchmark: {playbook} failed:\n{ran.stdout}{ran.stderr}")
        return Timing(wall, _children() - before, **json.load(durations))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
