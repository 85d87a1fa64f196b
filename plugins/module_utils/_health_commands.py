# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks that ask a command of the host: containers and systemd units."""

from __future__ import annotations

import json
import os
import subprocess
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


def container_probe(options: dict[str, Any], run: Run = run_command) -> Probe:
    """See whether a container runs and, where it has a health check, is healthy."""
    name = options["container"]
    argv = ["docker", "inspect", "--type", "container", "--format", "{{json .State}}", "--", name]

    def look(timeout: float) -> Observation:
        done = run(argv, timeout)
        if done.returncode == 0:
            return judge_container(json.loads(done.stdout))
        missing = "no such" in done.stderr.lower()
        return Observation(False, "no such container" if missing else _complaint(done))

    return Probe(name, "running, and healthy if it has a health check", look)


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
            return Observation(False, _complaint(done))
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


def _complaint(done: Completed[str]) -> str:
    return shorten(done.stderr or f"exit code {done.returncode}")
