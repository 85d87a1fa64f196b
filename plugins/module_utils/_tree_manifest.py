# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a tree wrote and what waits to be applied, kept on the host from run to run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError


@dataclass(frozen=True)
class Manifest:
    # Path of a file or link, and whether its content is secret.
    files: dict[str, bool] = field(default_factory=dict)
    # Directories that the tree made itself.
    directories: list[str] = field(default_factory=list)
    # Command that has yet to succeed, and the changed paths that ask for it.
    due: dict[str, list[str]] = field(default_factory=dict)

    def dump(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()


def load(path: str) -> Manifest:
    try:
        with open(path, encoding="utf-8") as stream:
            return Manifest(**json.load(stream))
    except FileNotFoundError:
        return Manifest()
    except (TypeError, ValueError) as error:
        raise TreeError(
            f"{path} is damaged ({error}). Remove it: what the tree no longer wants then stays "
            "on the host, and what waits to be applied is forgotten."
        ) from error


def claimed_by_others(path: str) -> set[str]:
    """The files that other trees of this host wrote: a file that moved house is not removed."""
    folder, own = os.path.split(path)
    claimed: set[str] = set()
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.endswith(".json") and not name.startswith(".") and name != own:
            claimed.update(load(os.path.join(folder, name)).files)
    return claimed
