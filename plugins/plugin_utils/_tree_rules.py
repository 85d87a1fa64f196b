# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modes, owners and secrecy: defaults, and rules that make exceptions of them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError


def parse_mode(value: object, option: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-7]{3,4}", value):
        return int(value, 8)
    raise TreeError(
        f'{option}: {value!r} is no file mode. Write four octal digits in quotes: "0644".'
    )


class Rules:
    def __init__(self, options: dict):
        self.owner, self.group = options["owner"], options["group"]
        self.mode = parse_mode(options["mode"], "mode")
        self.directory_mode = parse_mode(options["directory_mode"], "directory_mode")
        self.rules = [_known(rule) for rule in options["rules"]]

    def defaults(self, directory: bool = False) -> dict:
        mode = self.directory_mode if directory else self.mode
        return {"owner": self.owner, "group": self.group, "mode": mode, "secret": False}

    def attributes(self, path: str, directory: bool = False) -> dict:
        """The attributes of `path`, relative to dest; later rules override earlier ones."""
        found = self.defaults(directory)
        for rule in self.rules:
            if fnmatchcase(path, rule["path"]):
                exception = {key: value for key, value in rule.items() if key != "path"}
                if directory and "mode" in exception:
                    exception["mode"] = _searchable(exception["mode"])
                found.update(exception)
        return found


def _known(rule: dict) -> dict:
    known = {key: value for key, value in rule.items() if value is not None}
    if "mode" in known:
        known["mode"] = parse_mode(known["mode"], f"rules: {known['path']}")
    return known


def _searchable(mode: int) -> int:
    """A directory that can be read but not searched is of no use: x follows r."""
    return mode | (mode & 0o444) >> 2
