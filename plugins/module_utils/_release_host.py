# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release does to the host: files below the application's folders, and the docker command."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager

from ansible_collections.farol.vps.plugins.module_utils import _compose, _release


class Failed(Exception):
    """A step failed; the old release serves on. The text names the cause and the remedy."""


class Host:
    """The effects: files below the application's folders, and the docker command."""

    def __init__(self, module, app):
        self.module = module
        self.name = app["name"]
        self.root = os.path.join(module.params["root"], self.name)
        self.state = os.path.join(module.params["state_dir"], self.name)
        self.flag = os.path.join(self.state, "green")
        self.secrets = []

    @property
    def live(self):
        return "green" if os.path.exists(self.flag) else "blue"

    @contextmanager
    def lock(self):
        """Held by the kernel for this process, so that no killed run leaves it behind."""
        os.makedirs(self.state, mode=0o755, exist_ok=True)
        with open(os.path.join(self.state, "lock"), "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failed(
                    "another release of it is running; wait for it to end and run this again"
                ) from None
            yield

    def docker(self, *args, port=None, check=True):
        environ = {_compose.PORT_VARIABLE: str(port)} if port else {}
        code, out, err = self.module.run_command(["docker", *args], environ_update=environ)
        if check and code:
            raise Failed(
                f"docker {' '.join(args[:6])} … failed: {self.hide(err.strip() or out.strip())}"
            )
        return out

    def compose(self, project, files, *args, **kwargs):
        named = [part for path in files for part in ("--file", path)]
        return self.docker(
            "compose", "--project-name", project, "--progress", "quiet", *named, *args, **kwargs
        )

    def containers(self):
        filters = ["--filter", f"label=farol.app={self.name}"]
        return _release.parse_ps(
            self.docker("ps", "--all", *filters, "--format", _release.PS_FORMAT)
        )

    def hide(self, text):
        return _release.mask(text, self.secrets)

    def store(self, folder, bundle):
        """Write the bundle's two files and return their paths; a half-written one is never read."""
        os.makedirs(folder, mode=0o755, exist_ok=True)
        paths = []
        for name, document, mode in (
            ("compose.json", bundle.public, 0o644),
            ("secrets.json", bundle.secret, 0o600),
        ):
            path = os.path.join(folder, name)
            descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "w") as handle:
                os.fchmod(descriptor, mode)
                json.dump(document, handle, indent=2)
                handle.write("\n")
            os.replace(path + ".new", path)
            paths.append(path)
        return paths

    def flip(self, colour):
        if colour == "green":
            open(self.flag, "w").close()
        elif os.path.exists(self.flag):
            os.unlink(self.flag)

    def discard(self, release):
        """Forget a release that never served, unless a container of it is still there."""
        # Best effort: the failure that led here is the one to tell.
        if all(container.release != release for container in self.containers()):
            shutil.rmtree(os.path.join(self.root, "releases", release), ignore_errors=True)

    def prune(self, keep, current):
        folder = os.path.join(self.root, "releases")
        oldest_first = sorted(
            os.listdir(folder), key=lambda name: os.stat(os.path.join(folder, name)).st_mtime
        )
        for name in _release.superseded(oldest_first, keep, current):
            shutil.rmtree(os.path.join(folder, name))
