# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect the wanted tree on the controller; reading and rendering are handed in."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase

from ansible_collections.farol.vps.plugins.module_utils._tree_host import ancestors
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.plugin_utils._tree_rules import Rules

Render = Callable[[str, str, dict], bytes]
Read = Callable[[str], bytes]


class Source:
    """Every public method adds to the tree; a path that comes from two places is an error."""

    def __init__(self, options: dict, render: Render, read: Read):
        if not options["dest"].startswith("/"):
            raise TreeError(f"dest: {options['dest']!r} has to be absolute.")
        self.root = posixpath.normpath(options["dest"]).replace("//", "/")
        self.exclude = options["exclude"]
        self.rules = Rules(options)
        self.render, self.read = render, read
        self.entries: dict[str, Entry] = {}
        self.origins: dict[str, str] = {}
        self.absent: dict[str, bool] = {}

    def add_tree(self, folder: str) -> None:
        for path in _walk(folder):
            relative = os.path.relpath(path, folder)
            template = relative.endswith(".j2") and not os.path.islink(path)
            dest = relative[: -len(".j2")] if template else relative
            if any(fnmatchcase(dest, pattern) for pattern in self.exclude):
                continue
            if os.path.islink(path):
                self._add(dest, "link", path, target=os.readlink(path))
            else:
                content = self._rendered(path, dest, {}) if template else self.read(path)
                self._add(dest, "file", path, content=content)

    def add_for_each(self, template: str, dest: str, items: list) -> None:
        for item in items:
            fields = item if isinstance(item, Mapping) else {"item": item}
            try:
                path = dest.format(**fields)
            except (AttributeError, IndexError, KeyError, ValueError) as error:
                raise TreeError(
                    f"for_each: dest {dest!r} needs {error}, missing in an item."
                ) from error
            content = self._rendered(template, path, {"item": item})
            self._add(path, "file", template, content=content)

    def add_content(self, texts: Mapping[str, object]) -> None:
        for path, text in texts.items():
            if not isinstance(text, str):
                raise TreeError(f"content: {path} has to be text. Use to_json or string on it.")
            self._add(path, "file", "content", content=text.encode("utf-8", "surrogateescape"))

    def add_links(self, links: Mapping[str, object]) -> None:
        for path, target in links.items():
            self._add(path, "link", "links", target=str(target))

    def add_directories(self, paths: list[str]) -> None:
        for path in paths:
            self._add(path, "directory", "directories", explicit=True)

    def add_absent(self, paths: list[str]) -> None:
        for path in paths:
            full = self._full(path)
            if full in self.entries:
                raise TreeError(f"absent: {path} is wanted by {self.origins[full]}. Drop one.")
            self.absent[full] = self.rules.attributes(_relative(path))["secret"]

    def tree(self) -> Tree:
        """Parents before what is in them, so that the host can go through it in order."""
        wanted = dict(self.entries)
        for path in self.entries:
            for parent in ancestors(path):
                known = wanted.setdefault(parent, self._parent(parent))
                if known.kind != "directory":
                    raise TreeError(
                        f"{parent} comes as a {known.kind} from {self.origins[parent]}, but "
                        f"{self.origins[path]} needs it as a directory. Drop one."
                    )
        return Tree([wanted[path] for path in sorted(wanted)], self.absent)

    def _rendered(self, template: str, dest: str, variables: dict) -> bytes:
        return self.render(template, self._full(dest), variables)

    def _parent(self, path: str) -> Entry:
        inside = posixpath.relpath(path, self.root)
        attributes = self.rules.defaults(directory=True)
        if not inside.startswith(".."):
            attributes = self.rules.attributes(inside, directory=True)
        return Entry(path, "directory", **attributes)

    def _add(self, path: str, kind: str, origin: str, **fields) -> None:
        full = self._full(path)
        if full in self.entries:
            raise TreeError(f"{path} comes from {self.origins[full]} and from {origin}. Drop one.")
        attributes = self.rules.attributes(_relative(path), directory=kind == "directory")
        self.entries[full] = Entry(full, kind, **attributes, **fields)
        self.origins[full] = origin

    def _full(self, path: str) -> str:
        return posixpath.join(self.root, _relative(path))


def _relative(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or posixpath.normpath(path) == ".":
        raise TreeError(f"{path!r} has to be a path below dest, without a leading '/' and '..'.")
    return posixpath.normpath(path)


def _walk(folder: str) -> Iterator[str]:
    for found in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if found.is_dir(follow_symlinks=False):
            yield from _walk(found.path)
        else:
            yield found.path
