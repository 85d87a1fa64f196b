# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many health checks at once, each tried again until it passes or its deadline is over."""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from http.client import BadStatusLine, HTTPException, IncompleteRead
from typing import Any, NamedTuple

# Seconds past its deadline in which a check that began late may still hand in what it saw.
GRACE = 0.1


class CheckError(ValueError):
    """Options that can never work."""


class Hopeless(Exception):
    """A fault that no further try repairs, such as a missing command."""


class Observation(NamedTuple):
    """What one look saw; a final one needs no further try."""

    ok: bool
    seen: str
    final: bool = False


class Probe(NamedTuple):
    """What is looked at, what it should show, and how to look once within some seconds."""

    target: str
    expected: str
    look: Callable[[float], Observation]


@dataclass(frozen=True)
class Check:
    """One probe with its name and the seconds it has to pass."""

    name: str
    type: str
    timeout: float
    probe: Probe


@dataclass(frozen=True)
class Result:
    """What became of a check."""

    name: str
    type: str
    target: str
    expected: str
    seen: str
    ok: bool = False
    latency_ms: float = 0.0
    tries: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which the module reports it."""
        return {**asdict(self), "state": "passed" if self.ok else "failed"}


def run_checks(checks: list[Check], interval: float, try_timeout: float) -> list[Result]:
    """Run all checks side by side, in the time that the slowest of them takes."""
    watches = [_Watch(check, interval, try_timeout) for check in checks]
    for watch in watches:
        watch.start()
    for watch in watches:
        watch.join(max(0.0, watch.deadline + GRACE - time.monotonic()))
    return [watch.result for watch in watches]


class _Watch(threading.Thread):
    def __init__(self, check: Check, interval: float, try_timeout: float) -> None:
        # A thread that hangs, say in a name look-up, must not keep the process from ending.
        super().__init__(daemon=True)
        self.look = check.probe.look
        self.interval = interval
        self.try_timeout = try_timeout
        self.deadline = time.monotonic() + check.timeout
        self.result = Result(
            check.name, check.type, *check.probe[:2], seen=_no_answer(check.timeout)
        )

    def run(self) -> None:
        for tries in itertools.count(1):
            self.result = replace(self.result, tries=tries)
            began = time.monotonic()
            left = max(GRACE, self.deadline - began)
            last = _attempt(self.look, min(self.try_timeout, left))
            ended = time.monotonic()
            # What the deadline cut short tells less than the whole try before it.
            if last.ok or tries == 1 or ended < self.deadline:
                latency = round((ended - began) * 1000, 1)
                self.result = replace(self.result, ok=last.ok, seen=last.seen, latency_ms=latency)
            if last.ok or last.final or ended + self.interval >= self.deadline:
                return
            time.sleep(self.interval)


def _attempt(look: Callable[[float], Observation], timeout: float) -> Observation:
    try:
        return look(timeout)
    except Hopeless as error:
        return Observation(False, str(error), final=True)
    except (OSError, HTTPException, LookupError, ValueError, subprocess.TimeoutExpired) as error:
        return Observation(False, explain(error, timeout))


def explain(error: Exception, timeout: float) -> str:
    """Put into words what kept a probe from an answer within so many seconds."""
    if isinstance(error, (TimeoutError, subprocess.TimeoutExpired)):
        return _no_answer(timeout)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the host name does not resolve"
    if isinstance(error, (ConnectionError, IncompleteRead, ssl.SSLEOFError)):
        return "connection closed before the answer was complete"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {getattr(error, 'reason', None) or error.strerror}"
    if isinstance(error, BadStatusLine):
        return f"not an HTTP answer: {shorten(error.line)}"
    if isinstance(error, (OSError, HTTPException)):
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"


def failure_message(results: list[Result]) -> str:
    """Name every failed check, one a line."""
    failed = [result for result in results if not result.ok]
    lines = [
        f"{one.name} ({one.type} {one.target}): expected {one.expected}; "
        f"seen {one.seen}; {one.tries} {'try' if one.tries == 1 else 'tries'}"
        for one in failed
    ]
    return "\n".join([f"{len(failed)} of {len(results)} health checks failed:", *lines])


def shorten(text: str, limit: int = 120) -> str:
    """Return the text on one line of a length fit for a message."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _no_answer(timeout: float) -> str:
    return f"no answer within {timeout:.3g} s"
