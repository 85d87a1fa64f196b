# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit wants to know of a host, read and never changed."""

from __future__ import annotations

import glob
import grp
import json
import os
import pwd
import re
import stat
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

APT_LISTS = ("/var/cache/apt/pkgcache.bin", "/var/lib/apt/lists")
# Package, version that is there, version to come, where that is from.
INST = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) (.*?)(?: \[\w+\])?\)", re.MULTILINE)
LISTENS = re.compile(r"^(tcp|udp) +\S+ +\d+ +\d+ +(\S+):(\d+) +\S+(?: +(.*))?$", re.MULTILINE)
LOOPBACK = re.compile(r"^(127\.|\[?::1\]?$|\[?::ffff:127\.)|%lo$")


def updates(simulated: str) -> list[dict[str, Any]]:
    """Packages that C(apt-get -s dist-upgrade) would install, and whether that is for security."""
    return [
        {
            "package": package,
            "installed": old,
            "available": new,
            "security": "security" in origin.lower(),
        }
        for package, old, new, origin in INST.findall(simulated)
        if old
    ]


def listening(shown: str) -> list[dict[str, Any]]:
    """Sockets of C(ss -Hltnup) that other machines could reach, firewalls aside."""
    found = {}
    for protocol, address, port, rest in LISTENS.findall(shown):
        if LOOPBACK.search(address):
            continue
        process = re.search(r'\(\("([^"]+)"', rest or "")
        found.setdefault(
            (protocol, int(port)),
            {"protocol": protocol, "port": int(port), "process": process[1] if process else ""},
        )
    return [found[key] for key in sorted(found)]


def open_secrets(patterns: Iterable[str]) -> list[dict[str, str]]:
    """Of the files that hold secrets, those that others may read or that their group may change."""
    found = []
    for path in sorted(
        {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}
    ):
        try:
            about = os.stat(path)
        except OSError:
            continue
        if (
            stat.S_ISREG(about.st_mode)
            and about.st_mode & 0o027
            and _reachable(path, about.st_mode)
        ):
            mode = f"{stat.S_IMODE(about.st_mode):04o}"
            owner = f"{_name(pwd.getpwuid, about.st_uid)}:{_name(grp.getgrgid, about.st_gid)}"
            found.append({"path": path, "mode": mode, "owner": owner})
    return found


def _reachable(path: str, mode: int) -> bool:
    """Whether somebody else gets as far as the file: a folder above may be closed to them."""
    if mode & 0o020:
        return True
    folder = os.path.dirname(os.path.realpath(path))
    while folder != os.path.dirname(folder):
        if not os.stat(folder).st_mode & 0o001:
            return False
        folder = os.path.dirname(folder)
    return True


def _name(look_up: Any, number: int) -> str:
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)


def age_of_lists(now: float) -> float | None:
    """Days since the host has last looked for updates."""
    times = [os.stat(path).st_mtime for path in APT_LISTS if os.path.exists(path)]
    return round((now - max(times)) / 86400, 1) if times else None


def images(inspected: str, now: float) -> list[dict[str, Any]]:
    """Images with their age in days, from the output of C(docker image inspect)."""
    found = []
    for image in json.loads(inspected or "[]"):
        made = re.sub(r"\.\d+", "", image["Created"]).replace("Z", "+00:00")
        moment = datetime.fromisoformat(made)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        days = round((now - moment.timestamp()) / 86400)
        tags = image.get("RepoTags") or []
        # What the collection keeps is the same image under a name of the release.
        shown = [tag for tag in tags if not tag.startswith("farol/")] or tags or [image["Id"][:19]]
        found.append({"image": shown[0], "days": days})
    return sorted(found, key=lambda image: image["image"])


def containers(inspected: str) -> list[dict[str, Any]]:
    """Running containers with what gives them the host, from the output of C(docker inspect)."""
    found = []
    for container in json.loads(inspected or "[]"):
        host = container["HostConfig"]
        risks = []
        if host.get("Privileged"):
            risks.append("privileged")
        risks += [
            f"the host's {name.removesuffix('Mode').lower()} namespace"
            for name in ("NetworkMode", "PidMode", "IpcMode")
            if host.get(name) == "host"
        ]
        risks += [
            f"{mount['Source']} of the host"
            for mount in container.get("Mounts") or []
            if mount.get("Source") in ("/", "/etc", "/var/run/docker.sock", "/run/docker.sock")
        ]
        published = {
            f"{binding['HostIp'] or '0.0.0.0'}:{binding['HostPort']}"
            for bindings in (host.get("PortBindings") or {}).values()
            for binding in bindings or []
            if binding.get("HostIp") in ("", "0.0.0.0", "::")
        }
        risks += [f"published on {binding}" for binding in sorted(published)]
        if risks:
            found.append({"container": container["Name"].lstrip("/"), "risks": risks})
    return found
