# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release does to the host: the docker command, and what it says of the application's containers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress

from ansible_collections.farol.vps.plugins.module_utils import _compose, _release
from ansible_collections.farol.vps.plugins.module_utils._release_state import started

TRIES = 20  # looks at a container that ends and starts, a tenth of a second apart
LIMIT = 180  # seconds for a docker command that downloads and builds nothing
NO_ENGINE = re.compile(r"cannot connect to the docker daemon|error during connect", re.IGNORECASE)


class Failed(Exception):
    """A step failed. The text names the cause and the remedy."""

    steps: list = []
    found: list = []


class Host:
    """The docker command. C(state) is told of each command, so that a killed run leaves none at work."""

    def __init__(self, name, state, secrets=()):
        self.name = name
        self.state = state
        self.secrets = list(secrets)

    def run(self, argv, env=None, limit=LIMIT):
        """Exit code, standard output and standard error of a command, ended after C(limit) seconds."""
        # Not the module's run_command: the timer runs this without a module, and a killed run has to be told apart
        # from what it started.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self.state.note(child={"pid": process.pid, "started": started(process.pid)})
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err = f"no end within {limit} s. {err}"
        self.state.note(child=None)
        return process.returncode, out, err

    def docker(self, *args, env=None, check=True, limit=LIMIT):
        code, out, err = self.run(["docker", *args], env=env, limit=limit)
        if check and code:
            said = self.hide(err.strip() or out.strip())
            if NO_ENGINE.search(said):
                raise Failed(
                    "Docker does not answer; look at 'systemctl status docker', start it and run this again"
                )
            raise Failed(f"docker {' '.join(args[:6])} … failed: {said}")
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

    def network(self, app):
        name = _compose.network(app)
        if not self.docker("network", "ls", "--quiet", "--filter", f"name=^{name}$").strip():
            self.docker("network", "create", name)

    def remove(self, project, containers=None):
        """Stop a project's containers, each with its grace, and remove them."""
        own = [
            c.id
            for c in (self.containers() if containers is None else containers)
            if c.project == project
        ]
        if own:
            self.docker("stop", *own, limit=3600)
            self.docker("rm", "--force", "--volumes", *own)

    def evidence(self, container):
        """The state of a container and its last lines, with no secret in them."""
        if container is None:
            return "its container is gone"
        form = "{{.State.Status}}, exit code {{.State.ExitCode}}, {{.RestartCount}} restarts"
        for _try in range(TRIES):
            state = self.docker("inspect", "--format", form, container.id, check=False).strip()
            # One that is started again and again shows its exit code in between alone.
            if not state.startswith("running") or state.endswith(", 0 restarts"):
                break
            time.sleep(0.1)
        _code, out, err = self.run(["docker", "logs", "--tail", "20", container.id])
        return f"container {state}; its last lines:\n{self.hide(out + err)}"

    def hide(self, text):
        return _release.mask(text, self.secrets)
