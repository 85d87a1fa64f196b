# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of `git log` as commits. Pure."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError

# Control characters part the fields, since a message may hold anything else.
FORMAT = "%x1e%H%x1f%an%x1f%ae%x1f%aI%x1f%B%x1f"
# A path is quoted only where it must be, a rename is a deletion and an addition, and a merge is what it brought.
LOG = (
    "-c",
    "core.quotePath=false",
    "log",
    "--encoding=UTF-8",
    "--no-color",
    "--no-renames",
    "--diff-merges=first-parent",
    "--name-status",
    f"--format={FORMAT}",
)
# A type that changed (a file that became a link) is a modification to Sentry.
TYPES = {"A": "A", "M": "M", "D": "D", "T": "M"}
ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


def parse_log(text: str, repository: str = "origin") -> list[dict[str, Any]]:
    """Commits as Sentry takes them, in the order of the text, which is the newest first."""
    before, *records = text.split("\x1e")
    if before.strip():
        raise SentryError(f"this is no git log in the documented format: {before.strip()[:60]!r}")
    return [_commit(record, repository) for record in records]


def _commit(record: str, repository: str) -> dict[str, Any]:
    fields = record.split("\x1f")
    if len(fields) != 6 or not re.fullmatch(r"[0-9a-f]{4,64}", fields[0]):
        raise SentryError(
            f"this is no commit in the documented format: {record[:60]!r}; use --format={FORMAT}"
        )
    sha, name, email, written, message, changes = fields
    return {
        "id": sha,
        "repository": repository,
        "message": message.rstrip("\n") + "\n",
        "author_name": name,
        "author_email": email,
        "timestamp": re.sub(r"\+00:00$", "Z", written),
        "patch_set": _patch_set(changes),
    }


def _patch_set(text: str) -> list[dict[str, str]]:
    changes = []
    for line in filter(None, text.split("\n")):
        kind, tab, path = line.partition("\t")
        if not tab or kind[:1] not in TYPES:
            raise SentryError(
                f"this is no change of a file: {line[:60]!r}; use --name-status --no-renames"
            )
        changes.append({"path": unquoted(path), "type": TYPES[kind[:1]]})
    return changes


def unquoted(path: str) -> str:
    """A path as it is on disk; Git quotes one that holds quotes, backslashes or control characters."""
    if not (len(path) > 1 and path.startswith('"') and path.endswith('"')):
        return path
    data = bytearray()
    for plain, octal, letter in re.findall(r"([^\\]+)|\\([0-7]{3})|\\(.)", path[1:-1]):
        if plain:
            data += plain.encode()
        else:
            data.append(int(octal, 8) if octal else ESCAPES.get(letter, 63))
    return data.decode(errors="replace")
