# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release that serves does worse than the one before, from the lines of Nginx's access log.

Nginx writes a line of JSON for each request; C(host), C(status) and C(upstream) are what is read here.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass

BEFORE = 2 * 2**20  # bytes of the log before the switch that the old release is judged by
FEWEST = 5  # errors; fewer say nothing
MARGIN = 0.02  # what the share of errors may rise by


@dataclass(frozen=True)
class Count:
    """Requests and those of them that were answered with 5xx."""

    requests: int = 0
    errors: int = 0

    @property
    def share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    def __add__(self, more: Count) -> Count:
        return Count(self.requests + more.requests, self.errors + more.errors)


def count(lines: list[bytes], domains: set[str], port: int) -> Count:
    """What a release at a port of the loopback interface answered for some domains."""
    requests = errors = 0
    upstream = f"127.0.0.1:{port}"
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            entry = json.loads(line)
            if entry["host"] in domains and entry["upstream"].split(", ")[-1] == upstream:
                errors += int(entry["status"]) >= 500
                requests += 1
    return Count(requests, errors)


def worse(before: Count, after: Count) -> str:
    """Why the new release is worse, or nothing.

    Worse are at least C(FEWEST) errors whose share is above the old release's by more than C(MARGIN), and
    above twice of it, so that an application that always has some errors is not judged by chance.
    """
    if after.errors < FEWEST or after.share <= max(2 * before.share, before.share + MARGIN):
        return ""
    return (
        f"{after.errors} of {after.requests} requests were answered with 5xx, "
        f"before the switch {before.errors} of {before.requests}"
    )


class AccessLog:
    """The log as it grows, through its rotation. Without the file there is nothing to judge by."""

    def __init__(self, path):
        self.path = path
        self._handle = None
        self._rest = b""
        self._open()

    def _open(self):
        with suppress(OSError):
            self._handle = open(self.path, "rb")  # noqa: SIM115 - closed by close()

    def close(self):
        if self._handle:
            self._handle.close()

    def before(self):
        """The last lines so far; what is read after this is what came after."""
        if not self._handle:
            return []
        size = os.fstat(self._handle.fileno()).st_size
        self._handle.seek(max(0, size - BEFORE))
        lines = self._handle.read(BEFORE).splitlines(keepends=True)
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        return lines[1:] if size > BEFORE else lines

    def more(self):
        """The whole lines that came since the last look."""
        if not self._handle:
            return []
        lines = (self._rest + self._handle.read()).splitlines(keepends=True)
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        self._follow()
        return lines

    def _follow(self):
        """Go on with the new file when the old one was rotated, or from the start when it was cut."""
        with suppress(OSError):
            now, open_file = os.stat(self.path), os.fstat(self._handle.fileno())
            if now.st_ino != open_file.st_ino:
                fresh = open(self.path, "rb")  # noqa: SIM115 - closed by close()
                self._rest += self._handle.read()
                self._handle.close()
                self._handle = fresh
            elif open_file.st_size < self._handle.tell():
                self._handle.seek(0)
                self._rest = b""
