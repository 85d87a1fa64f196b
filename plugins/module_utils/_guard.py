# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Undo a change by the host itself unless a new login confirms it in time.

What is armed lies in a folder below STATE_DIR, named after the change: the files from before and a
shell script that puts them back. The script needs nothing of this collection, so that it works
whatever became of the controller. One of three files tells how far it got, and renaming it decides
between a confirmation and a timer that come at the same moment:

armed      the change waits for its confirmation; the file holds its token
restoring  the script is at work, or was killed at it
restored   the script is done; its file `report` tells the next run what went back
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass

STATE_DIR = "/var/lib/farol/guard"
UNIT_DIR = "/etc/systemd/system"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

SCRIPT = """#!/bin/sh
# Written by farol: puts back what was there before a change that nobody confirmed.
# With `boot` as its argument no command runs, since no service has started yet.
set -u
cd {folder} || exit 0
mv armed restoring 2>/dev/null || [ -e restoring ] || exit 0
say() {{ logger -t farol-guard "$1" 2>/dev/null || :; }}
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
    "state": {"type": "str", "choices": ["armed", "confirmed", "restored"], "required": True},
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
        if self._has("armed") or self._has("restoring"):
            raise GuardError(f"{self.name} is armed already: confirm or restore it first.")
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
        try:
            if token and self._read("armed") != token:
                raise GuardError(
                    f"{self.name} was armed again by another run; nothing was confirmed."
                )
            os.rename(armed, confirmed)
        except FileNotFoundError:
            raise GuardError(
                f"{self.name} is not armed any more: the host has put back what was there before."
            ) from None
        self._clear()

    def restore(self) -> None:
        """Put back at once what is armed; nothing happens if nothing is."""
        if self._has("armed") or self._has("restoring"):
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
        interrupted = self._has("armed") or self._has("restoring")
        self.restore()
        if not self._has("restored"):
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

    def _clear(self) -> None:
        self._stop()
        for path in (self._wanted, self._unit):
            if os.path.lexists(path):
                os.remove(path)
        shutil.rmtree(self.folder, ignore_errors=True)

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
