# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backups do to the host: commands, locks, free space, and the state that outlives a run."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from ansible_collections.farol.vps.plugins.module_utils import _backup_conf, _backup_faults
from ansible_collections.farol.vps.plugins.module_utils._backup_metrics import render
from ansible_collections.farol.vps.plugins.module_utils._backup_records import size

STATE = "/var/lib/farol/backup"
METRICS = "/var/lib/prometheus/node-exporter"
LOCKS = "/run/lock"


class Failed(Exception):
    """Something did not work. The text names the thing, the cause and the remedy."""


class Host:
    """This host. C(state), C(metrics) and C(locks) are folders; tests give their own."""

    def __init__(
        self,
        config: Mapping[str, Any],
        state: str = STATE,
        metrics: str = METRICS,
        locks: str = LOCKS,
    ) -> None:
        self.config = config
        self.folder = state
        self.metrics = metrics
        self.locks = locks
        self.secrets = _backup_conf.secrets(config)

    # Commands.

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        text: str | None = None,
        limit: float | None = None,
        umask: int = -1,
    ) -> tuple[int, str, str]:
        """Exit code, standard output and standard error. No secret belongs into C(argv); C(env) is for root's eyes alone."""
        given: dict[str, Any] = {"stdin": stdin or subprocess.DEVNULL}
        if text is not None:
            given = {"input": text.encode()}
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                list(argv),
                stdout=stdout or subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**_environment(user), **(env or {})},
                cwd="/",
                umask=umask,
                check=False,
                timeout=limit,
                **given,
                **_as_user(user),
            )
        except FileNotFoundError:
            return 127, "", f"{argv[0]} is not installed on this host; run the role backup"
        except subprocess.TimeoutExpired:
            return 124, "", f"timed out: no end within {limit:g} s"
        out = (done.stdout or b"").decode(errors="replace")
        return done.returncode, out, done.stderr.decode(errors="replace")

    def check(self, what: str, *args: Any, **kwargs: Any) -> str:
        """Standard output of a command that has to succeed. C(what) begins the message where it does not."""
        code, out, err = self.run(*args, **kwargs)
        if code:
            raise self.failure(what, err.strip() or out.strip() or f"exit code {code}")
        return out

    def failure(self, what: str, said: str) -> Failed:
        told = _backup_faults.gist(self.hide(said))
        meaning = _backup_faults.explain(said)
        return Failed(f"{what}: {meaning} ({told})" if meaning else f"{what}: {told}")

    def hide(self, text: str) -> str:
        return _backup_faults.hidden(text, self.secrets)

    # Locks. The kernel's, so that they end with their process.

    @contextmanager
    def lock(self, name: str, wait: bool = True) -> Iterator[None]:
        os.makedirs(self.locks, exist_ok=True)
        descriptor = os.open(f"{self.locks}/farol-backup-{name}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise Failed(
                    f"{name}: another run is at work on it; wait for it to end and run this again"
                ) from None
            yield
        finally:
            os.close(descriptor)

    # Room.

    def need(self, what: str, path: str, count: float, remedy: str) -> None:
        """Refuse to begin what would fill a disk."""
        free = shutil.disk_usage(existing(path)).free
        spare = self.config["min_free_mb"] * 1024 * 1024
        if free < count + spare:
            raise Failed(
                f"{what}: needs {size(count)} in {path} with {size(spare)} to spare, and {size(free)} are free: "
                f"{size(count + spare - free)} are missing; {remedy}"
            )

    # State: what metrics and the next run have to know.

    def state(self, source: str) -> dict[str, Any]:
        with suppress(FileNotFoundError, ValueError), open(self._state(source)) as handle:
            found = json.load(handle)
            if isinstance(found, dict):
                return found
        return {}

    def note(self, source: str, part: str, key: str, **values: Any) -> None:
        """Write down how something ended, for the next run and for the metrics."""
        with self.lock(f"state-{source}"):
            state = self.state(source)
            record = (
                state.setdefault(part, {})
                if not key
                else state.setdefault(part, {}).setdefault(key, {})
            )
            record.update(values)
            write(self._state(source), json.dumps(state, indent=1, sort_keys=True), 0o600)
            self.expose(source, state)

    def expose(self, source: str, state: Mapping[str, Any]) -> None:
        # Without the folder nobody reads metrics here; a full disk must not hide the reason why.
        with suppress(OSError):
            write(f"{self.metrics}/farol_backup_{source}.prom", render(source, state), 0o644)

    def ended(
        self, source: str, part: str, key: str, begun: float, error: str = "", **values: Any
    ) -> None:
        now = time.time()
        values = {
            "ok": not error,
            "run": now,
            "seconds": now - begun,
            "error": self.hide(error),
            **values,
        }
        if not error:
            values["success"] = now
        self.note(source, part, key, **values)

    def _state(self, source: str) -> str:
        return f"{self.folder}/state/{source}.json"


def _environment(user: str | None) -> dict[str, str]:
    home = pwd.getpwnam(user).pw_dir if user else "/root"
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": home,
        "LC_ALL": "C.UTF-8",
    }


def _as_user(user: str | None) -> dict[str, Any]:
    if not user or os.geteuid():
        return {}
    account = pwd.getpwnam(user)
    return {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": os.getgrouplist(user, account.pw_gid),
    }


def existing(path: str) -> str:
    """The path, or the nearest folder above it that is there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def write(path: str, text: str, mode: int) -> None:
    """Replace a file at once; a half-written one is never seen."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = f"{path}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as handle:
        os.fchmod(descriptor, mode)
        handle.write(text)
        handle.flush()
        os.fsync(descriptor)
    os.replace(new, path)
