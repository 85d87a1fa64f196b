# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare the wanted tree with the host and say what has to change, without changing it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.farol.vps.plugins.module_utils import _tree_host as host
from ansible_collections.farol.vps.plugins.module_utils._tree_manifest import Manifest
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError


@dataclass(frozen=True)
class Change:
    """`what` is replace, attributes, mkdir, remove or rmdir."""

    path: str
    what: str
    before: host.State
    entry: Entry | None = None
    # None only in check mode, when the owner is yet to be made by an earlier task.
    uid: int | None = None
    gid: int | None = None
    secret: bool = False

    @property
    def state(self) -> str:
        if self.entry is None:
            return "removed"
        return "created" if self.before == host.ABSENT else "changed"


@dataclass(frozen=True)
class Plan:
    changes: list[Change]
    manifest: Manifest


def make_plan(tree: Tree, manifest: Manifest, claimed: set[str], predict: bool = False) -> Plan:
    """`predict` (check mode) tolerates owners that don't exist yet."""
    return _Planner(tree, manifest, claimed, predict).plan()


class _Planner:
    def __init__(self, tree: Tree, manifest: Manifest, claimed: set[str], predict: bool):
        self.tree = tree
        self.manifest = manifest
        self.predict = predict
        self.files = [entry for entry in tree.entries if entry.kind != "directory"]
        self.directories = [entry for entry in tree.entries if entry.kind == "directory"]
        kept = {entry.path for entry in self.files} | claimed
        self.stale = [path for path in manifest.files if path not in kept]
        self.gone: set[str] = set()

    def plan(self) -> Plan:
        removals = self._removals()
        self.gone = {change.path for change in removals}
        made = [change for entry in self.directories for change in self._directory(entry)]
        written = [change for entry in self.files for change in self._file(entry)]
        emptied = self._emptied()
        directories = self._own_directories(made, emptied)
        files = {entry.path: entry.secret for entry in self.files}
        return Plan(removals + made + written + emptied, Manifest(files, directories))

    def _look(self, path: str) -> host.State:
        if self.gone.intersection([path, *host.ancestors(path)]):
            return host.ABSENT
        return host.look(path)

    def _removals(self) -> list[Change]:
        changes = []
        for path in dict.fromkeys([*self.stale, *self.tree.absent]):
            found = host.look(path)
            if found.kind == "directory" and path in self.tree.absent:
                raise TreeError(f"{path} is a directory: `absent` removes files only.")
            if found.kind in ("absent", "directory"):
                continue
            host.refuse_foreign_links(path)
            secret = self.manifest.files.get(path, False) or self.tree.absent.get(path, False)
            changes.append(Change(path, "remove", found, secret=secret))
        return changes

    def _directory(self, entry: Entry) -> list[Change]:
        found = self._look(entry.path)
        if found.kind == "absent":
            return [self._change(entry, "mkdir", found)]
        if found.kind == "link" and os.path.isdir(entry.path):
            host.refuse_foreign_links(entry.path + "/.")
            return []
        if found.kind != "directory":
            raise TreeError(
                f"{entry.path} is a {found.kind}, but has to be a directory here. "
                "Remove it, or take it out of the tree."
            )
        if entry.explicit or entry.path in self.manifest.directories:
            return self._attributes(entry, found)
        return []

    def _file(self, entry: Entry) -> list[Change]:
        found = self._look(entry.path)
        if found.kind in ("directory", "special file"):
            raise TreeError(
                f"{entry.path} is a {found.kind}, but has to be a {entry.kind} here. "
                "Remove it, or take it out of the tree."
            )
        if not _same_content(entry, found):
            return [self._change(entry, "replace", found)]
        return self._attributes(entry, found) if entry.kind == "file" else []

    def _attributes(self, entry: Entry, found: host.State) -> list[Change]:
        change = self._change(entry, "attributes", found)
        wanted = (entry.mode, change.uid, change.gid)
        return [] if wanted == (found.mode, found.uid, found.gid) else [change]

    def _change(self, entry: Entry, what: str, found: host.State) -> Change:
        uid, gid = host.uid_of(entry.owner), host.gid_of(entry.group)
        for name, kind, number in ((entry.owner, "user", uid), (entry.group, "group", gid)):
            if number is None and not self.predict:
                raise TreeError(f"{entry.path}: no {kind} {name!r} on this host. Create it first.")
        secret = entry.secret or self.manifest.files.get(entry.path, False)
        return Change(entry.path, what, found, entry, uid, gid, secret)

    def _emptied(self) -> list[Change]:
        """Directories the tree made, needs no more, and leaves empty; the deepest first."""
        needed = {entry.path for entry in self.directories}
        leaving = set(self.gone)
        changes = []
        for path in sorted(self.manifest.directories, key=len, reverse=True):
            found = self._look(path)
            if path in needed or found.kind != "directory":
                continue
            if all(f"{path}/{name}" in leaving for name in os.listdir(path)):
                leaving.add(path)
                changes.append(Change(path, "rmdir", found))
        return changes

    def _own_directories(self, made: list[Change], emptied: list[Change]) -> list[str]:
        left = set(self.manifest.directories) - {change.path for change in emptied}
        created = {change.path for change in made if change.what == "mkdir"}
        return sorted({path for path in left if os.path.isdir(path)} | created)


def _same_content(entry: Entry, found: host.State) -> bool:
    if entry.kind != found.kind:
        return False
    if entry.kind == "link":
        return entry.target == found.target
    return len(entry.content) == found.size and host.read(entry.path) == entry.content
