# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what Ansible has built of a module for sending it, until a source of it changes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: module_cache
short_description: Build modules for sending once instead of once a run
description:
  - Before Ansible sends a module to a host, it reads which other files it imports, and theirs, and packs all of them. That takes some 0.07 s
    of processor time for each module, and is kept until the run ends.
  - This callback links what a run has built into C(farol-modules) of Ansible's home folder, and from there into the folder of the next run.
    It prints nothing. A run is the same without it, but takes longer; C(docs/design.md) says by how much.
  - It keeps the modules of ansible-core, this collection and those that its roles need on hosts. The folder's name is a digest of the versions, and of the
    sizes and times of all modules and module_utils of these, so that after any change all are built anew. What was not used for a month goes.
  - It does nothing where the configuration, the playbook's folder or a role of a play brings module_utils, which could take the place of these,
    or where the folder is not this user's alone. A role that is included later and brings module_utils is not seen.
type: aggregate
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
requirements:
  - C(farol.vps.module_cache) in C(callbacks_enabled) of C(ansible.cfg)
"""

import contextlib
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from ansible import constants, module_utils
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import module_utils_loader
from ansible.release import __version__

COLLECTIONS = (
    "ansible.posix",
    "community.crypto",
    "community.docker",
    "community.general",
    "community.postgresql",
    "farol.vps",
)
# As ansible.executor.module_common names them: the module, the compression, and the extensions, of which there are none.
KEPT = re.compile(
    rf"(ansible|ansible_collections\.({'|'.join(map(re.escape, COLLECTIONS))})\.plugins)\.modules\.\w+-[A-Z_]+-none"
)
UNUSED = 30 * 24 * 3600  # seconds


def folders() -> Iterator[str]:
    """Where the sources are."""
    for package in ("ansible", *(f"ansible_collections.{name}.plugins" for name in COLLECTIONS)):
        with contextlib.suppress(ModuleNotFoundError):
            for root in getattr(find_spec(package), "submodule_search_locations", None) or ():
                yield from (os.path.join(root, name) for name in ("modules", "module_utils"))


def digest(sources: Iterable[str]) -> str:
    """One of the versions, and of the sizes and times of all files in these folders."""
    found = [sys.version, __version__]
    for source in sources:
        for folder, _folders, names in sorted(os.walk(source, followlinks=True)):
            for name in sorted(names):
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    status = os.stat(path)
                    found.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:32]


def brought() -> list[str]:
    """Folders of module_utils besides ansible-core's own."""
    paths = module_utils_loader.print_paths().split(os.pathsep)
    return [path for path in paths if os.path.isdir(path) and path not in module_utils.__path__]


def link(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if KEPT.fullmatch(path.name):
            with contextlib.suppress(FileExistsError):
                os.link(path, target / path.name)


def mine(folder: Path) -> bool:
    """Whether nobody else can put anything there, since Ansible runs what it finds."""
    status = folder.lstat()
    return status.st_uid == os.geteuid() and status.st_mode & 0o77 == 0


def forget(unused: Iterable[Path]) -> None:
    for folder in unused:
        if folder.stat().st_mtime < time.time() - UNUSED:
            shutil.rmtree(folder)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "farol.vps.module_cache"
    CALLBACK_NEEDS_ENABLED = True

    kept: Path | None = None

    def v2_playbook_on_start(self, playbook):
        if brought():
            return
        home = Path(constants.ANSIBLE_HOME, "farol-modules")
        with contextlib.suppress(OSError):
            kept = home / digest(folders())
            for folder in (home, kept):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if mine(home) and mine(kept):
                os.utime(kept)
                self.built.mkdir(exist_ok=True)
                link(kept, self.built)
                self.kept = kept

    def v2_playbook_on_stats(self, stats):
        if self.kept:
            with contextlib.suppress(OSError):
                link(self.built, self.kept)
                forget(self.kept.parent.iterdir())

    @property
    def built(self) -> Path:
        return Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
