"""Kill a release with SIGKILL at one of its steps. Runs on the host that it releases on:

    docker exec -i HOST python3 - APP STEP [--limit SECONDS] [--lock PATH] <molecule/kill_at.py

A release holds `/var/lib/farol/apps/APP/lock` and writes there which step it is about to take. Prints, as JSON,
"waiting" once it watches, and then whom it killed and at which step. A step may be over within a tenth of a
millisecond: what is killed then is the one after it, and the output says so. Exits with 3 where nothing was killed:
the time is over, or the release that was watched ended without that step.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

STEPS = (
    "disk", "accessories", "pull", "build", "render", "migrate", "start", "gate",
    "canary", "flip", "ask", "drain", "services", "bake", "stop", "prune",
)  # fmt: skip
POLL = 0.001


def main() -> int:
    options = arguments()
    path = options.lock or Path("/var/lib/farol/apps") / options.app / "lock"
    say(waiting=options.step)
    deadline = time.monotonic() + options.limit
    watched = 0
    while time.monotonic() < deadline:
        now = running(path)
        if now and due(options.step, now["step"]):
            os.kill(now["pid"], signal.SIGKILL)
            say(wanted=options.step, **now)
            return 0
        if now:
            watched = now["pid"]
        elif watched and not holds_a_lock(watched):
            say(ended=watched, wanted=options.step)
            return 3
        time.sleep(POLL)
    say(timeout=options.limit, wanted=options.step)
    return 3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("app")
    parser.add_argument("step")
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("--lock", type=Path)
    return parser.parse_args()


def running(path: Path) -> dict[str, Any] | None:
    """What the release under way says of itself; a file that one has left behind says nothing."""
    try:
        said = json.loads(path.read_text())
        return said if holds_a_lock(said["pid"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or read while it is being written


def holds_a_lock(pid: int) -> bool:
    """Asked of the kernel: trying the lock would refuse the release that comes at that moment."""
    held = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return any(field[1] == "FLOCK" and field[4] == str(pid) for field in held)


def due(wanted: str, now: str) -> bool:
    if wanted == now:
        return True
    return wanted in STEPS and now in STEPS and STEPS.index(now) > STEPS.index(wanted)


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main())
