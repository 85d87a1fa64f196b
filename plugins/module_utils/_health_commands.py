# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks that ask a command of the host: containers and systemd units."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._health import (
    Hopeless,
    Observation,
    Probe,
    shorten,
)

Completed = subprocess.CompletedProcess  # of str
Run = Callable[..., "Completed[str]"]

# Seconds in which looks at containers gather before Docker is asked.
GATHER = 0.05
INSPECTED = "[{{json .Id}},{{json .Name}},{{json .State}}]"

REMEDIES = {
    "docker": "install Docker here, or run the check on the container's host",
    "psql": "install the package postgresql-client (or python3-psycopg2) here",
    "systemctl": "run the check on a host with systemd",
}


def run_command(
    argv: list[str], timeout: float, environment: Mapping[str, str] | None = None
) -> Completed[str]:
    """Run a command in plain English, killed when its time is over."""
    try:
        # AnsibleModule.run_command knows neither threads nor a limit of time.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            argv,
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError as error:
        raise Hopeless(f"no {argv[0]} command: {REMEDIES[argv[0]]}") from error


class Containers:
    """Asks Docker for the states of containers: one command for all the looks that are taken at the same time.

    A command for each keeps a small host busy for seconds, when there are dozens of them.
    """

    def __init__(self, run: Run = run_command) -> None:
        self.run = run
        self.lock = threading.Lock()
        self.gathering: _Question | None = None

    def probe(self, options: dict[str, Any]) -> Probe:
        """See whether a container runs and, where it has a health check, is healthy."""
        name = options["container"]

        def look(timeout: float) -> Observation:
            return self._ask(name, timeout).about(name)

        return Probe(name, "running, and healthy if it has a health check", look)

    def _ask(self, name: str, timeout: float) -> _Question:
        """The question that this look is part of, once it is answered. Whoever begins it asks it for the others."""
        with self.lock:
            mine = self.gathering is None
            question = self.gathering or _Question()
            self.gathering = question
            question.names[name] = None
        if mine:
            time.sleep(GATHER)
            with self.lock:
                self.gathering = None
            question.ask(self.run, timeout)
        elif not question.answered.wait(timeout + GATHER):
            raise TimeoutError
        return question


class _Question:
    """One command about many containers. Every look may read the answer."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.answered = threading.Event()
        self.states: list[tuple[str, str, dict[str, Any]]] = []
        self.complaints: list[str] = []
        self.status = 0
        self.error: Exception | None = None

    def ask(self, run: Run, timeout: float) -> None:
        argv = ["docker", "inspect", "--type", "container", "--format", INSPECTED, "--"]
        try:
            done = run([*argv, *self.names], timeout)
            self.states = [json.loads(line) for line in done.stdout.splitlines() if line]
            self.complaints = list(dict.fromkeys(filter(None, done.stderr.splitlines())))
            self.status = done.returncode
        except (Hopeless, OSError, ValueError, subprocess.TimeoutExpired) as error:
            self.error = error
        self.answered.set()

    def about(self, name: str) -> Observation:
        if self.error:
            raise self.error
        # Docker leaves out what it does not know. A container may be named by the beginning of its ID.
        named = [state for _id, own, state in self.states if own == f"/{name}"]
        named += [state for own, _name, state in self.states if own.startswith(name)]
        if named:
            return judge_container(named[0])
        said = [line for line in self.complaints if name in line.split()] or self.complaints
        missing = "no such" in " ".join(said).lower()
        return Observation(
            False, "no such container" if missing else _complaint(self.status, "\n".join(said))
        )


def judge_container(state: dict[str, Any]) -> Observation:
    """Read the State of docker inspect."""
    if state["Status"] != "running":
        ended = state["Status"] in ("exited", "restarting", "dead")
        parts = [state["Status"], f"exit code {state['ExitCode']}" if ended else ""]
        parts += ["out of memory" if state["OOMKilled"] else "", state["Error"]]
        return Observation(False, ", ".join(filter(None, parts)))
    health = state.get("Health")
    if not health or health["Status"] in ("none", "healthy"):
        return Observation(True, "running, healthy" if health else "running")
    log = health.get("Log") or [{"Output": ""}]
    last = shorten(log[-1]["Output"])
    return Observation(False, f"running, {health['Status']}{f': {last}' if last else ''}")


def unit_probe(options: dict[str, Any], run: Run = run_command) -> Probe:
    """See whether a systemd unit is active."""
    unit = options["unit"]
    properties = "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus"

    def look(timeout: float) -> Observation:
        done = run(["systemctl", "show", properties, "--", unit], timeout)
        if done.returncode != 0:
            return Observation(False, _complaint(done.returncode, done.stderr))
        return judge_unit(dict(line.split("=", 1) for line in done.stdout.splitlines()))

    return Probe(unit, "active", look)


def judge_unit(properties: dict[str, str]) -> Observation:
    """Read the properties of systemctl show."""
    if properties["LoadState"] != "loaded":
        return Observation(False, f"unit {properties['LoadState']}")
    active, sub = properties["ActiveState"], properties["SubState"]
    seen = active if active == sub else f"{active} ({sub})"
    if properties["Result"] != "success":
        status = properties.get("ExecMainStatus", "")
        seen += f", {properties['Result']} {status}".rstrip()
    return Observation(active == "active", seen)


def _complaint(status: int, stderr: str) -> str:
    return shorten(stderr or f"exit code {status}")
