# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an application's state folder: the flags that Nginx looks at, the lock, the log of releases."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from contextlib import contextmanager, suppress

SHARES = (1, 5, 10, 25, 50)
LEFTOVER = 10  # seconds that a command of a killed run gets to end


class Busy(Exception):
    """Another run holds the lock; C(record) is what it wrote of itself."""

    def __init__(self, record):
        self.record = record
        super().__init__(
            f"another run (process {record.get('pid', 'unknown')}) has been at work on it since "
            f"{record.get('since', 'just now')}, at step {record.get('step', 'start')}; wait for it to end and run this again"
        )


class State:
    def __init__(self, folder):
        self.folder = folder
        self._lock = None
        self._record = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    # The flags. Nginx's templates know their names.

    @property
    def live(self):
        return "green" if os.path.exists(self.path("green")) else "blue"

    def flip(self, colour):
        if colour == "green":
            open(self.path("green"), "w").close()
        else:
            with suppress(FileNotFoundError):
                os.unlink(self.path("green"))
        self._settle(self.folder)

    @property
    def canary(self):
        """The share of clients, in per cent, that gets the idle colour; None without a canary, 0 with its cookie alone."""
        try:
            present = set(os.listdir(self.path("canary")))
        except FileNotFoundError:
            return None
        if "always" not in present:
            return None
        return max((share for share in SHARES if str(share) in present), default=0)

    def set_canary(self, percent):
        os.makedirs(self.path("canary"), mode=0o755, exist_ok=True)
        wanted = {"always", *(str(share) for share in SHARES if share <= percent)}
        for name in wanted - set(os.listdir(self.path("canary"))):
            open(self.path(f"canary/{name}"), "w").close()
        for name in set(os.listdir(self.path("canary"))) - wanted:
            os.unlink(self.path(f"canary/{name}"))

    def end_canary(self):
        shutil.rmtree(self.path("canary"), ignore_errors=True)

    @staticmethod
    def _settle(folder):
        """Wait until the disk has it: after a power cut the flag must not name a colour that was removed."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # A release that was rolled back, and is not to return by itself.

    @property
    def held(self):
        with suppress(FileNotFoundError), open(self.path("held")) as handle:
            return handle.read().strip() or None
        return None

    def hold(self, release):
        write(self.path("held"), release + "\n", 0o644)

    def let_go(self):
        with suppress(FileNotFoundError):
            os.unlink(self.path("held"))

    # The lock, in which its holder writes what it is doing.

    @contextmanager
    def lock(self, action, release):
        """Held by the kernel for this process, so that no killed run leaves it behind.

        Gives what the last holder wrote, where that run did not end. Raises C(Busy).
        """
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        descriptor = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(self.holder()) from None
            interrupted = self.holder()
            _end_leftover(interrupted.get("child"))
            self._lock = descriptor
            self._record = {
                "pid": os.getpid(),
                "started": started(os.getpid()),
                "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "action": action,
                "release": release,
            }
            self.note(step="begin")
            yield interrupted
            os.ftruncate(descriptor, 0)
        except BaseException as error:
            # An error that is told is an end as well; what was killed never gets here.
            if self._lock is not None and isinstance(error, Exception):
                os.ftruncate(descriptor, 0)
            raise
        finally:
            self._lock = None
            os.close(descriptor)

    def holder(self):
        with suppress(OSError, ValueError), open(self.path("lock")) as handle:
            record = json.loads(handle.readline())
            if isinstance(record, dict):
                return record
        return {}

    def at_work(self):
        """What the holder writes of itself, nothing where that process has ended."""
        record = self.holder()
        alive = record and started(record.get("pid")) == record.get("started")
        return record if alive else {}

    def note(self, **values):
        """Write down what this run is doing, for the next one should this one be killed."""
        if self._lock is None:
            return
        self._record.update(values)
        # The line's end tells what a longer record has left behind it, should this be killed before the cut.
        text = json.dumps(self._record).encode() + b"\n"
        os.pwrite(self._lock, text, 0)
        os.ftruncate(self._lock, len(text))

    @contextmanager
    def window(self):
        """Held for an instant by a bake that ends and by a rollback that uses it, never by both."""
        with open(self.path("window"), "w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    # The log.

    def log(self, entry):
        line = json.dumps(entry, sort_keys=True).encode() + b"\n"
        with open(self.path("releases.jsonl"), "ab+") as handle:
            if handle.tell():
                handle.seek(-1, os.SEEK_END)
                # After a line that was cut short, which this one must not become a part of.
                line = line if handle.read() == b"\n" else b"\n" + line
            handle.write(line)

    def entries(self):
        """What the log has, oldest first; a line that a full disk cut short is left out."""
        found = []
        with suppress(FileNotFoundError), open(self.path("releases.jsonl")) as handle:
            for line in handle:
                with suppress(ValueError):
                    found.append(json.loads(line))
        return found


def write(path, text, mode):
    """Replace a file at once and for good; a half-written one is never seen."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as handle:
        os.fchmod(descriptor, mode)
        handle.write(text)
        handle.flush()
        os.fsync(descriptor)
    os.replace(path + ".new", path)


def started(pid):
    """When a process started, in the kernel's ticks, by which a reused number is recognized."""
    with suppress(OSError), open(f"/proc/{pid}/stat") as handle:
        return handle.read().rpartition(")")[2].split()[19]
    return None


def _end_leftover(child):
    """End the command that a killed run left at work, with all it started: it would undo what comes next."""
    if not child:
        return
    pid = child["pid"]

    def alive():
        if started(pid) not in (None, child["started"]):
            return False
        try:
            os.killpg(pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + LEFTOVER
        with suppress(ProcessLookupError):
            if alive():
                os.killpg(pid, number)
        while alive() and time.monotonic() < deadline:
            time.sleep(0.05)
