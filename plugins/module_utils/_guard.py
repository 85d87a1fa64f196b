# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Undo a change by the host itself unless a new login confirms it in time.

What is armed lies in a folder below STATE_DIR, named after the change: the files from before and a
shell script that puts them back. The script needs nothing of this collection, so that it works
whatever became of the controller. One of four files tells how far it got, and renaming it decides
between a confirmation and a timer that come at the same moment:

armed      the change waits for its confirmation; the file holds its token
confirmed  the change stays; the file holds its token, since the answer to a confirmation can be lost
restoring  the script is at work, or was killed at it
restored   the script is done; its file `report` tells the next run what went back

A controller that was cut off may come back after the script has run, and a step that hung may end then. So every step of
a change is taken inside `holding`: it begins only while the change is armed with its token, and the script waits for the
step that has begun before it puts anything back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

STATE_DIR = "/var/lib/farol/guard"
UNIT_DIR = "/etc/systemd/system"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# A step that takes longer is ended, so that the script need not wait for it for good.
STEP_SECONDS = 60

SCRIPT = """#!/bin/sh
# Written by farol: puts back what was there before a change that nobody confirmed.
# With `boot` as its argument no command runs, since no service has started yet.
set -u
cd {folder} || exit 0
mv armed restoring 2>/dev/null || [ -e restoring ] || exit 0
say() {{ logger -t farol-guard "$1" 2>/dev/null || :; }}
exec 9<.
flock -w {patience} 9 || say {hung}
[ -e restoring ] || exit 0
say {begin}
{remove}
if ! tar -xpf snapshot.tar -C /; then
    say {failed}
    exit 1
fi
date -u '+%Y-%m-%d %H:%M:%S UTC' >report
if [ "${{1-}}" != boot ]; then
    :
{commands}
fi
rm -f {unit}
mv restoring restored
say {done}
"""

# At boot what was armed goes back before anything of it is read.
UNIT = """# Written by farol, and there only while a change waits for its confirmation.
[Unit]
Description=Undo the unconfirmed change of {name}
DefaultDependencies=no
RequiresMountsFor={folder}
After=local-fs.target
Before=basic.target network-pre.target ssh.service ssh.socket ufw.service farol-docker-firewall.service
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh {folder}/restore boot
"""

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["changed", "confirmed", "restored"],
        "default": "changed",
    },
    "commands": {"type": "list", "elements": "str", "default": []},
    "paths": {"type": "list", "elements": "path", "default": []},
    "restore": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 60},
    "token": {"type": "str", "no_log": False},
}

Execute = Callable[[str], tuple]


class GuardError(Exception):
    """What went wrong and what to do, in one text."""


@dataclass(frozen=True)
class Guard:
    name: str
    execute: Execute
    state_dir: str = STATE_DIR
    unit_dir: str = UNIT_DIR

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise GuardError(f"name: {self.name!r} may hold letters, digits, '-' and '_' only.")

    @property
    def folder(self) -> str:
        return os.path.join(self.state_dir, self.name)

    def arm(self, paths: list[str], commands: list[str], timeout: int) -> str:
        """Keep the paths as they are now, start the timer, and return the token that stops it."""
        if self.pending():
            raise GuardError(f"{self.name} is armed already by another run: wait for it.")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder, mode=0o700)
        try:
            self._snapshot(paths)
            self._write("restore", self._script(paths, commands))
            self._enable()
            token = secrets.token_hex(16)
            self._write("armed", token)
            self._start(timeout)
        except BaseException:
            self._clear()
            raise
        return token

    def confirm(self, token: str | None = None) -> None:
        """Keep the change. Raise if it is not armed any more, or by another run."""
        armed, confirmed = self._path("armed"), self._path("confirmed")
        if token and self._token("confirmed") == token:
            return
        try:
            if token and self._read("armed") != token:
                raise GuardError(
                    f"{self.name} was armed again by another run; nothing was confirmed."
                )
            os.rename(armed, confirmed)
        except FileNotFoundError:
            raise self._gone() from None
        self._clear(but="confirmed")

    @contextlib.contextmanager
    def holding(self, token: str) -> Iterator[None]:
        """Take a step of the change that is armed with this token; raise where the host has put things back."""
        try:
            handle = os.open(self.folder, os.O_RDONLY)
        except FileNotFoundError:
            raise self._gone() from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if self._token("armed") != token:
                raise self._gone()
            yield
        finally:
            os.close(handle)

    def change(self, commands: list[str], paths: list[str], undo: list[str], timeout: int) -> str:
        """Arm, run the commands that change the paths, and return the token that confirms them."""
        token = self.arm(paths, undo, timeout)
        for command in commands:
            with self.holding(token):
                code, out, err = self.limited(command)
            if code:
                self.restore()
                self.report()
                seen = err.strip() or out.strip() or "it printed nothing"
                raise GuardError(
                    f"{self.name}: {command!r} failed with code {code}: {seen} Everything is as it was before."
                )
        return token

    def limited(self, command: str) -> tuple[int, str, str]:
        """Run a command of a step, and end it and all that it started after STEP_SECONDS."""
        code, out, err = self.execute(f"timeout --kill-after=5 {STEP_SECONDS} {command}")
        if code in (124, 137):
            err = f"{err}It did not end within {STEP_SECONDS} s."
        return code, out, err

    def restore(self) -> None:
        """Put back at once what is armed; nothing happens if nothing is."""
        if self.pending():
            code, out, err = self.execute(f"/bin/sh {self._path('restore')}")
            if code:
                raise GuardError(
                    f"Cannot put back what was there before {self.name}: {(err or out).strip()}. "
                    f"The files are in {self.folder}/snapshot.tar; free space and run {self.folder}/restore."
                )
        self._stop()

    def report(self) -> str | None:
        """What the host put back since the last run, told once; what a killed run left armed goes back first."""
        if not os.path.isdir(self.folder):
            return None
        interrupted = self.pending()
        self.restore()
        if not self._has("restored"):
            if os.listdir(self.folder) != ["confirmed"]:
                self._clear()
            return None
        when = self._read("report").strip()
        how = (
            "an interrupted run had left it unconfirmed"
            if interrupted
            else "nobody had confirmed it in time"
        )
        self._clear()
        return f"The last change of {self.name} was undone at {when}: {how}."

    def pending(self) -> bool:
        return self._has("armed") or self._has("restoring")

    def _snapshot(self, paths: list[str]) -> None:
        there = [path.lstrip("/") for path in paths if os.path.lexists(path)]
        self._write("paths", "".join(f"{path}\0" for path in there))
        code, out, err = self.execute(
            f"tar --null --acls --xattrs -C / -cf {self._path('snapshot.tar')} -T {self._path('paths')}"
        )
        if code:
            raise GuardError(
                f"Cannot keep the files of {self.name}: {(err or out).strip()}. Nothing was changed."
            )
        with open(self._path("snapshot.tar"), "rb") as stream:
            os.fsync(stream.fileno())

    def _script(self, paths: list[str], commands: list[str]) -> str:
        def say(text: str) -> str:
            return shlex.quote(f"{self.name}: {text}")

        lines = []
        for command in commands:
            plain = shlex.join(shlex.split(command))
            lines.append(f"    {plain} || say {say('this failed: ' + command)}")
        return SCRIPT.format(
            folder=shlex.quote(self.folder),
            patience=STEP_SECONDS + 10,
            hung=say("a step of the change has not ended; putting things back all the same"),
            begin=say(f"not confirmed; putting back {' '.join(paths)}"),
            remove="rm -rf -- " + " ".join(map(shlex.quote, paths)),
            failed=say("could not unpack what was there before; it is kept"),
            commands="\n".join(lines),
            unit=" ".join(map(shlex.quote, [self._unit, self._wanted])),
            done=say("everything is as it was before the change"),
        )

    @property
    def _unit(self) -> str:
        return os.path.join(self.unit_dir, f"farol-guard-{self.name}.service")

    @property
    def _wanted(self) -> str:
        return os.path.join(
            self.unit_dir, "sysinit.target.wants", f"farol-guard-{self.name}.service"
        )

    @property
    def _timer(self) -> str:
        return f"farol-guard-{self.name}-timer"

    def _enable(self) -> None:
        os.makedirs(os.path.dirname(self._wanted), mode=0o755, exist_ok=True)
        with open(self._unit, "w", encoding="utf-8") as stream:
            stream.write(UNIT.format(name=self.name, folder=self.folder))
            stream.flush()
            os.fsync(stream.fileno())
        if not os.path.lexists(self._wanted):
            os.symlink(self._unit, self._wanted)

    def _start(self, timeout: int) -> None:
        code, out, err = self.execute(
            f"systemd-run --quiet --collect --unit={self._timer} --on-active={timeout} "
            f"--timer-property=AccuracySec=100ms /bin/sh {self._path('restore')}"
        )
        if code:
            raise GuardError(
                f"Cannot start the timer that would undo {self.name}: {(err or out).strip()}. "
                "Nothing was changed."
            )

    def _stop(self) -> None:
        self.execute(f"systemctl stop {self._timer}.timer")

    def _clear(self, but: str = "") -> None:
        self._stop()
        for path in (self._wanted, self._unit):
            if os.path.lexists(path):
                os.remove(path)
        if not but:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for name in {*os.listdir(self.folder)} - {but}:
            os.remove(self._path(name))

    def _gone(self) -> GuardError:
        return GuardError(
            f"{self.name}: the host has put back what was there before, since nobody had confirmed the change in time; "
            "nothing was changed after that. Run again; on the host, `journalctl -t farol-guard` tells when."
        )

    def _token(self, state: str) -> str:
        return self._read(state) if self._has(state) else ""

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _has(self, name: str) -> bool:
        return os.path.exists(self._path(name))

    def _read(self, name: str) -> str:
        with open(self._path(name), encoding="utf-8") as stream:
            return stream.read()

    def _write(self, name: str, text: str) -> None:
        handle = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(handle)
