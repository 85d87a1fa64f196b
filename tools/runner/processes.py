# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and end all that a command has started, wherever it went.

A process group is not enough: Ansible's workers begin sessions of their own and outlive a controller that is killed. What a
process starts inherits its environment, so a variable of one's own there marks the whole family.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from pathlib import Path

PREFIX = "FAROL_FAMILY_"


def new_mark() -> str:
    """The name of a variable that nothing else on this machine has in its environment."""
    return PREFIX + secrets.token_hex(8)


def family(mark: str) -> dict[int, str]:
    """The living processes with the mark, except this one: process number to command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            names = {
                pair.partition(b"=")[0] for pair in (entry / "environ").read_bytes().split(b"\0")
            }
            if mark.encode() in names:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").strip()
                found[int(entry.name)] = command.decode(errors="replace")
        except OSError:
            continue  # gone meanwhile, or somebody else's
    return found


def end_family(mark: str, grace: float = 5.0) -> dict[int, str]:
    """End the living processes with the mark, after `grace` seconds with SIGKILL. Returns those it found."""
    found = family(mark)
    _signal(found, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while family(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found | kill_family(mark)


def kill_family(mark: str) -> dict[int, str]:
    """End them at once, with what they start meanwhile. Returns those it found."""
    found: dict[int, str] = {}
    while living := family(mark):
        found |= living
        _signal(living, signal.SIGKILL)
        time.sleep(0.01)
    return found


def _signal(numbers: dict[int, str], what: signal.Signals) -> None:
    for number in numbers:
        try:
            os.kill(number, what)
        except ProcessLookupError:
            continue
