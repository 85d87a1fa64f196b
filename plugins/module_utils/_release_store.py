# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that a host keeps: a folder each, with all that starting it again needs."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _compose
from ansible_collections.farol.vps.plugins.module_utils._release_state import write

PUBLIC, SECRET, ABOUT = "compose.json", "secrets.json", "release.json"


@dataclass(frozen=True)
class Target:
    """A release to bring up: its documents, and the entry of C(apps) that it came from, without secrets."""

    id: str
    app: dict[str, Any]
    public: dict[str, Any]
    secret: dict[str, Any]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return str(self.app["version"])

    @property
    def services(self) -> frozenset[str]:
        return frozenset(self.public["services"]) - {_compose.WEB, _compose.MIGRATE}

    @property
    def migrates(self) -> bool:
        return _compose.MIGRATE in self.public["services"]

    @property
    def served(self) -> float:
        """When it was released last, in seconds since 1970; 0 before that."""
        return float(self.about.get("served") or 0)

    def secret_values(self) -> list[str]:
        services = self.secret["services"].values()
        return [
            value.replace("$$", "$")
            for service in services
            for value in service["environment"].values()
            if value
        ]


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.releases = os.path.join(folder, "releases")

    def files(self, release):
        return [os.path.join(self.releases, release, name) for name in (PUBLIC, SECRET)]

    def save(self, target, images, pinned):
        """Write a release's folder. C(images) has the local tag and the id of each image, C(pinned) is the
        public document with the former in it: what Compose is given."""
        folder = os.path.join(self.releases, target.id)
        write_documents(folder, pinned, target.secret)
        about = {
            "release": target.id,
            "version": target.version,
            "created": time.time(),
            "served": target.served or None,
            "images": images,
            "app": target.app,
            "public": target.public,
        }
        write_json(os.path.join(folder, ABOUT), about, 0o644)

    def load(self, release):
        """A kept release, or None where its folder is not whole."""
        folder = os.path.join(self.releases, release)
        with suppress(FileNotFoundError, NotADirectoryError, ValueError, KeyError):
            about, secret, _pinned = (
                _read(os.path.join(folder, name)) for name in (ABOUT, SECRET, PUBLIC)
            )
            return Target(about["release"], about["app"], about["public"], secret, about)
        return None

    def mark_served(self, release, again=True):
        """Write down that a release serves from now on. A rollback leaves it where it was in the order."""
        target = self.load(release)
        if target is not None and (again or not target.served):
            path = os.path.join(self.releases, release, ABOUT)
            write_json(path, {**target.about, "served": time.time()}, 0o644)

    def kept(self):
        """All kept releases that served, in the order in which they were released last."""
        found = []
        with suppress(FileNotFoundError):
            found = [self.load(name) for name in os.listdir(self.releases)]
        return sorted((t for t in found if t and t.served), key=lambda target: target.served)

    def forget(self, release):
        # Best effort: the failure that led here is the one to tell.
        shutil.rmtree(os.path.join(self.releases, release), ignore_errors=True)

    def superseded(self, keep, current):
        """The folders to remove so that C(keep) releases that served remain, the current one always."""
        with suppress(FileNotFoundError):
            names = set(os.listdir(self.releases))
            served = [target.id for target in self.kept() if target.id != current]
            older = served[: max(0, len(served) - max(0, keep - 1))]
            return sorted(names - set(served) - {current}) + older
        return []


def write_json(path, document, mode):
    write(path, json.dumps(document, indent=2) + "\n", mode)


def write_documents(folder, public, secret):
    """The two files of a Compose project, the secret one for root alone; their paths."""
    os.makedirs(folder, mode=0o755, exist_ok=True)
    files = ((PUBLIC, public, 0o644), (SECRET, secret, 0o600))
    for name, document, mode in files:
        write_json(os.path.join(folder, name), document, mode)
    return [os.path.join(folder, name) for name, _document, _mode in files]


def _read(path):
    with open(path) as handle:
        return json.load(handle)
