# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a tree is made of, and how it travels from the action to the module."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict, dataclass, field


class TreeError(Exception):
    """A failure that names the path and what to do about it."""

    def __init__(self, message: str, **details):
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class Entry:
    """One wanted file, link or directory; `path` is absolute on the host."""

    path: str
    kind: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    content: bytes = b""
    target: str = ""
    # An implied directory is made when missing; only an explicit one has its attributes kept.
    explicit: bool = False


@dataclass(frozen=True)
class Tree:
    entries: list[Entry] = field(default_factory=list)
    # Path to remove, and whether its content is secret.
    absent: dict[str, bool] = field(default_factory=dict)


def pack(tree: Tree) -> str:
    """One opaque string: survives any bytes and shows nothing where arguments are displayed."""
    entries = [
        {**asdict(entry), "content": base64.b64encode(entry.content).decode()}
        for entry in tree.entries
    ]
    plain = json.dumps({"entries": entries, "absent": tree.absent})
    return base64.b64encode(zlib.compress(plain.encode())).decode()


def unpack(payload: str) -> Tree:
    plain = json.loads(zlib.decompress(base64.b64decode(payload)))
    entries = [
        Entry(**{**entry, "content": base64.b64decode(entry["content"])})
        for entry in plain["entries"]
    ]
    return Tree(entries, plain["absent"])
