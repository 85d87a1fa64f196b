# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has of the hardening that is wanted, read and never changed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

# As sysctl.d(5) has them: of files with the same name, the one in the first directory counts.
SYSCTL_DIRECTORIES = (
    "etc/sysctl.d",
    "run/sysctl.d",
    "usr/local/lib/sysctl.d",
    "usr/lib/sysctl.d",
    "lib/sysctl.d",
)
COMPILER = re.compile(
    r"(?:\w+-linux-gnu-)?(?:as|c89|c99|cc|c\+\+|cpp|gcc|g\+\+|clang|clang\+\+|tcc)(?:-[\d.]+)?"
)
SHARED = "the machine's own, whose kernel this container shares"


@dataclass(frozen=True)
class Open:
    """One thing that is wanted and not in force."""

    kind: str
    name: str
    wanted: str
    found: str
    reason: str


@dataclass(frozen=True)
class Host:
    """A host's file system; the root is another one in tests."""

    root: Path = Path("/")
    in_container: bool = False
    sysctl_file: str = "/etc/sysctl.d/zz-farol.conf"

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def text(self, absolute: str) -> str | None:
        try:
            return self.path(absolute).read_text(errors="replace").strip()
        except OSError:
            return None

    def open_sysctl(self, wanted: Mapping[str, object]) -> Iterator[Open]:
        for key, value in wanted.items():
            yield from self._open_setting(key, " ".join(str(value).split()))

    def _open_setting(self, key: str, value: str) -> Iterator[Open]:
        folder = self.path("proc/sys")
        pattern = key if "/" in key else key.replace(".", "/")
        paths = sorted(folder.glob(pattern)) if "*" in pattern else [folder / pattern]
        for path in paths:
            name = str(path.relative_to(folder)).replace("/", ".")
            try:
                found = " ".join(path.read_text().split())
            except FileNotFoundError:
                yield Open("sysctl", name, value, "", "this kernel has no such setting")
                continue
            except OSError as error:
                yield Open("sysctl", name, value, "", f"not readable: {error.strerror}")
                continue
            if found != value:
                yield Open("sysctl", name, value, found, self._why_not(name, path, value))

    def _why_not(self, name: str, path: Path, value: str) -> str:
        if not os.access(path, os.W_OK):
            return "read-only on this host"
        if self.in_container and not name.startswith("net."):
            return SHARED
        if winner := self._set_later(name, value):
            return f"{winner} sets it later"
        return "the kernel refuses the value, or something changed it since boot"

    def _set_later(self, name: str, value: str) -> str:
        """The file that wins over the role's own, and sets another value."""
        own = os.path.basename(self.sysctl_file)
        later = [path for path in self._sysctl_files() if os.path.basename(path) > own]
        # procps reads this one last, systemd not at all.
        for path in ["/etc/sysctl.conf", *reversed(later)]:
            for line in (self.text(path) or "").splitlines():
                key, equals, setting = line.strip().lstrip("-").partition("=")
                key = key.strip().replace("/", ".")
                if equals and fnmatchcase(name, key) and " ".join(setting.split()) != value:
                    return path
        return ""

    def _sysctl_files(self) -> list[str]:
        files: dict[str, str] = {}
        for directory in SYSCTL_DIRECTORIES:
            for path in self.path(directory).glob("*.conf"):
                files.setdefault(path.name, f"/{directory}/{path.name}")
        return [files[name] for name in sorted(files)]

    def open_modules(self, unwanted: Iterable[str]) -> Iterator[Open]:
        listing = self.text("/proc/modules") or ""
        loaded = {line.split()[0] for line in listing.splitlines()}
        reason = SHARED if self.in_container else "loaded before it was forbidden: reboot"
        for name in unwanted:
            if name.replace("-", "_") in loaded:
                yield Open("module", name, "not loaded", "loaded", reason)

    def open_mounts(self, wanted: Mapping[str, Iterable[str]]) -> Iterator[Open]:
        mounts = {}
        for line in (self.text("/proc/self/mounts") or "").splitlines():
            fields = line.split()
            mounts[fields[1]] = fields[3].split(",")
        for path, options in wanted.items():
            if path not in mounts:
                yield Open("mount", path, ",".join(options), "", "not a mount of its own")
            elif missing := [option for option in options if option not in mounts[path]]:
                found = ",".join(mounts[path])
                yield Open("mount", path, ",".join(missing), found, "the host refuses the options")

    def open_apparmor(self) -> Iterator[Open]:
        if self.text("/sys/module/apparmor/parameters/enabled") != "Y":
            reason = SHARED if self.in_container else "switched off or missing in this kernel"
            yield Open("apparmor", "apparmor", "enabled", "disabled", reason)

    def loose_modes(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Of the files that are there, those with permissions beyond the mode."""
        return {
            path: mode
            for path, mode in wanted.items()
            if (found := _mode(self.path(path))) is not None and found & ~int(mode, 8)
        }

    def open_compilers(self) -> list[str]:
        """Compilers that everybody may run, links resolved."""
        found = set()
        folder = self.path("/usr/bin")
        for path in folder.iterdir() if folder.is_dir() else ():
            if COMPILER.fullmatch(path.name):
                real = path.resolve()
                mode = _mode(real)
                if mode is not None and mode & 0o001:
                    found.add(f"/{real.relative_to(self.root.resolve())}")
        return sorted(found)

    def limited_compilers(self) -> list[str]:
        """Compilers that an override of dpkg keeps for root."""
        found = []
        for line in (self.text("/var/lib/dpkg/statoverride") or "").splitlines():
            owner, group, mode, path = line.split(maxsplit=3)
            known = COMPILER.fullmatch(os.path.basename(path))
            if known and (owner, group, mode) == ("root", "root", "750"):
                found.append(path)
        return found

    def reboot_required(self) -> list[str] | None:
        """The packages that ask for a reboot, or None when nothing does."""
        if not self.path("/run/reboot-required").exists():
            return None
        return sorted(set((self.text("/run/reboot-required.pkgs") or "").split()))


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


# What `stopped` and `unmet` read of `systemctl show`.
PROPERTIES = (
    "Names",
    "ActiveState",
    "UnitFileState",
    "ConditionResult",
    "ConditionTimestampMonotonic",
)


def stopped(units: Iterable[str], shown: str) -> list[str]:
    """Of the units, those that `systemctl show` has as inactive or not enabled, and that would run here."""
    states = _states(shown)
    return [
        unit
        for unit in units
        if not _enabled(state := states.get(_full(unit), {}))
        or (state["ActiveState"] != "active" and not _unmet(state))
    ]


def unmet(units: Iterable[str], shown: str) -> Iterator[Open]:
    """Of the units, those that systemd was asked to start and did not, for a condition in the unit."""
    states = _states(shown)
    for unit in units:
        state = states.get(_full(unit), {})
        if _enabled(state) and state["ActiveState"] != "active" and _unmet(state):
            reason = (
                f"a condition in its unit is not met here; `systemctl status {unit}` tells which"
            )
            yield Open("service", unit, "active", state["ActiveState"], reason)


def _full(unit: str) -> str:
    return unit if "." in unit else f"{unit}.service"


def _states(shown: str) -> dict[str, dict[str, str]]:
    states = {}
    for block in shown.strip().split("\n\n"):
        properties = dict(line.partition("=")[::2] for line in block.splitlines())
        for name in properties.get("Names", "").split():
            states[name] = properties
    return states


def _enabled(state: Mapping[str, str]) -> bool:
    return state.get("UnitFileState") in ("enabled", "static", "alias", "indirect")


def _unmet(state: Mapping[str, str]) -> bool:
    """A unit that was never to start has no result either, and the time 0."""
    tried = state.get("ConditionTimestampMonotonic", "0") != "0"
    return tried and state.get("ConditionResult") == "no"
