# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The links that Nginx's configuration names, and the folders that they may lead to."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    CertificatesError,
    Leaf,
)

# Certbot moves its links one by one when it renews; a pair that does not match may do so an instant later.
RENEWAL_SECONDS = 0.5


@dataclass(frozen=True)
class Held:
    """What is there of a certificate, and where its link leads."""

    target: str
    lineage: Leaf | None
    placeholder: Leaf | None


NOTHING = Held("", None, None)


@dataclass(frozen=True)
class Links:
    """The links below C(root), to Certbot's lineages or to placeholders."""

    root: str
    letsencrypt: str

    def path(self, name: str) -> str:
        return os.path.join(self.root, name)

    def placeholder(self, name: str) -> str:
        return os.path.join(self.root, ".placeholder", name)

    def lineage(self, name: str) -> str:
        return os.path.join(self.letsencrypt, "live", name)

    def look(self, name: str) -> Held:
        path = self.path(name)
        target = os.readlink(path) if os.path.islink(path) else ""
        lineage = self._usable(self.lineage(name), again=True)
        placeholder = None
        if lineage is None or target == self.placeholder(name):
            placeholder = self._usable(self.placeholder(name))
        return Held(target, lineage, placeholder)

    def fault(self, name: str) -> str:
        """Why no link can stand there, empty if one can."""
        path = self.path(name)
        if os.path.lexists(path) and not os.path.islink(path):
            return f"{path} is in the way of a link; move it away"
        return ""

    def prepare(self) -> bool:
        """Make the folder, or give it its mode; return whether that changed anything."""
        if self.prepared():
            return False
        os.makedirs(self.root, exist_ok=True)
        os.chmod(self.root, 0o755)
        return True

    def prepared(self) -> bool:
        return os.path.isdir(self.root) and os.stat(self.root).st_mode & 0o777 == 0o755

    def lead(self, name: str, target: str) -> None:
        """Have the link lead to the target, without an instant in which it leads nowhere."""
        draft = os.path.join(self.root, f".{name}.farol-new")
        if os.path.lexists(draft):
            os.unlink(draft)
        os.symlink(target, draft)
        os.replace(draft, self.path(name))

    def leftovers(self, names: Iterable[str], pending: Iterable[str] = ()) -> list[str]:
        """Links of names that are gone and placeholders to which no link leads, made by this module.

        C(pending) are names whose links a real run would have taken away from their placeholders by now.
        """
        kept, left = set(), []
        for name in _entries(self.root):
            path = self.path(name)
            target = os.readlink(path) if os.path.islink(path) else ""
            if name in names:
                kept.add("" if name in pending else target)
            elif target and target in (self.placeholder(name), self.lineage(name)):
                left.append(path)
        folders = [
            self.placeholder(name) for name in _entries(os.path.join(self.root, ".placeholder"))
        ]
        return [*left, *(folder for folder in folders if folder not in kept)]

    def remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            if os.path.islink(path):
                os.unlink(path)
            else:
                shutil.rmtree(path, ignore_errors=True)

    def _usable(self, folder: str, again: bool = False) -> Leaf | None:
        if not os.path.isdir(folder):
            return None
        try:
            return host.read_pair(
                os.path.join(folder, "fullchain.pem"), os.path.join(folder, "privkey.pem")
            )
        except CertificatesError:
            if not again:
                return None
        time.sleep(RENEWAL_SECONDS)
        return self._usable(folder)


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
