# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is on the host now: read only, never through a link."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass

from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


@dataclass(frozen=True)
class State:
    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""


ABSENT = State("absent")


def look(path: str) -> State:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "special file")
    target = os.readlink(path) if kind == "link" else ""
    mode = stat.S_IMODE(found.st_mode)
    return State(kind, mode, found.st_uid, found.st_gid, found.st_size, target)


def read(path: str) -> bytes:
    """The content of a file that is no link, whatever it was a moment ago."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        return stream.read()


def ancestors(path: str) -> list[str]:
    """Every directory above `path`, outermost first, without the root."""
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: depth + 1]) for depth in range(len(parts))]


def refuse_foreign_links(path: str) -> None:
    """A link that another user owns, above `path`, would let that user choose what is written."""
    for parent in ancestors(path):
        found = look(parent)
        if found.kind == "link" and found.uid not in (0, os.geteuid()):
            raise TreeError(
                f"{parent} is a link owned by uid {found.uid}: {path} is not written through it. "
                "Make it a directory, or a link owned by root."
            )


def uid_of(owner: str) -> int | None:
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        return int(owner) if owner.isdigit() else None


def gid_of(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return int(group) if group.isdigit() else None


def owner_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
