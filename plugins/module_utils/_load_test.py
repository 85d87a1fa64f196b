# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Locust for a scenario, and read what it measured."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

WARM_UP = 2
# Seconds that starting, the last answers and the report may take beyond the test.
EXTRA = 60
# A visitor that sends ten requests in a second has 100 ms for each answer before the rate suffers.
RATE_OF_ONE = 10
PATH_DEFAULTS = {"weight": 1, "method": "GET", "headers": {}, "body": None}
SUCCESS = [*range(200, 400)]


class LoadTestError(Exception):
    """The test did not run, with what to do about it."""


def complete(options: dict[str, Any]) -> dict[str, Any]:
    """The scenario as the locustfile reads it."""
    rate = options["requests_per_second"]
    return {
        "url": options["url"].rstrip("/"),
        "address": options["address"] or "",
        "ca_file": options["ca_file"] or "",
        "validate_certs": options["validate_certs"],
        "requests_per_second": rate,
        "users": options["users"] or max(1, min(int(rate), math.ceil(rate / RATE_OF_ONE) + 4)),
        "warm_up": WARM_UP,
        "timeout": options["timeout"],
        "paths": [_path(path) for path in options["paths"]],
    }


def _path(given: dict[str, Any]) -> dict[str, Any]:
    path = {**PATH_DEFAULTS, **{key: value for key, value in given.items() if value is not None}}
    return {**path, "status": path.get("status") or SUCCESS}


def find_locust(python: str = sys.executable) -> list[str]:
    """The command that starts Locust: of this Python, else of the PATH."""
    if importlib.util.find_spec("locust"):
        return [python, "-m", "locust"]
    if found := shutil.which("locust"):
        return [found]
    raise LoadTestError(
        f"Locust is not installed on the controller; install it where Ansible is: {python} -m pip install locust"
    )


def arguments(scenario: dict[str, Any], seconds: int, locustfile: str, report: str) -> list[str]:
    return [
        "--headless",
        "--only-summary",
        "--skip-log",
        "--locustfile",
        locustfile,
        "--users",
        str(scenario["users"]),
        "--spawn-rate",
        str(scenario["users"]),
        "--run-time",
        f"{seconds + scenario['warm_up']}s",
        "--stop-timeout",
        "10",
        *(["--html", report] if report else []),
    ]


def run(
    scenario: dict[str, Any], seconds: int, locustfile: str, report: str, locust: list[str]
) -> dict[str, Any]:
    """The figures of one test. The scenario goes through a file for this user alone, since headers may hold secrets."""
    with tempfile.TemporaryDirectory(prefix="farol-load-") as folder:
        given, measured = (os.path.join(folder, name) for name in ("scenario.json", "figures.json"))
        with open(given, "w", encoding="utf-8") as handle:
            json.dump(scenario, handle)
        command = [*locust, *arguments(scenario, seconds, locustfile, report)]
        environment = {**os.environ, "FAROL_SCENARIO": given, "FAROL_FIGURES": measured}
        try:
            ran = subprocess.run(  # pylint: disable=ansible-bad-function
                command,
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=seconds + scenario["warm_up"] + EXTRA,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LoadTestError(f"Locust did not end {EXTRA} s after its time") from error
        return read(measured, ran.returncode, ran.stderr or ran.stdout)


def read(path: str, code: int, said: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as handle:
            figures = json.load(handle)
    except OSError as error:
        last = " ".join(said.strip().splitlines()[-3:]) or "nothing"
        raise LoadTestError(
            f"Locust ended with {code} before it measured, and said: {last}"
        ) from error
    if not figures["total"]["requests"]:
        raise LoadTestError("Locust sent no request; give it more seconds or a higher rate")
    return figures
