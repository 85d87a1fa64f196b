# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which commands are due: asked for by what changes now, or left over from an earlier run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Apply:
    command: str
    # Patterns, relative to dest.
    paths: list[str] = field(default_factory=lambda: ["*"])
    due: bool = False

    def wants(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self.paths)


def due_of(
    entries: list[Apply], dest: str, left: dict[str, list[str]], changed: list[str]
) -> dict[str, list[str]]:
    """Command to the paths that ask for it, in the order of `entries`; `left` is an earlier due."""
    commands = {entry.command for entry in entries}
    # A failing command that was corrected is another command: it inherits what it matches.
    inherited = [path for command in left if command not in commands for path in left[command]]
    due: dict[str, list[str]] = {}
    for entry in entries:
        asking = {
            path for path in [*changed, *inherited] if entry.wants(os.path.relpath(path, dest))
        }
        # Without paths it is off, and no longer owes what paths had asked for; what was due regardless, it does.
        owed = entry.command in left and (entry.paths or not left[entry.command])
        if asking or entry.due or owed:
            known = due.get(entry.command, left.get(entry.command, []))
            due[entry.command] = sorted(asking.union(known))
    return due


def forced(entries: list[Apply], left: dict[str, list[str]]) -> dict[str, list[str]]:
    return {
        **left,
        **{entry.command: left.get(entry.command, []) for entry in entries if entry.due},
    }
