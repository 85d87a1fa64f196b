# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real Bugsink on this machine, where the package is installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

CONFIGURATION = """
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
# Events are worked on as they come in, by the process that takes them.
SNAPPEA["TASK_ALWAYS_EAGER"] = True
PHONEHOME = False
BUGSINK["PHONEHOME"] = False
BUGSINK["BASE_URL"] = "{url}"
BUGSINK["VALIDATE_ON_DIGEST"] = "none"
ALLOWED_HOSTS = ["*"]
"""


class BugsinkServer:
    """One team, the project C(web), a token for everything."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.programs = Path(shutil.which("bugsink-manage")).resolve().parent
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bugsink_conf",
            "PYTHONPATH": str(folder),
        }
        self._run("bugsink-create-conf", "--template=singleserver", f"--base-dir={folder}")
        with (folder / "bugsink_conf.py").open("a") as file:
            file.write(CONFIGURATION.format(url=self.url))
        for database in ("default", "snappea"):
            self._run("bugsink-manage", "migrate", f"--database={database}", "--verbosity=0")
        self.token = self._run("bugsink-manage", "create_auth_token").split()[-1]
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [self.programs / "gunicorn", f"--bind=127.0.0.1:{port}", "--workers=1", "bugsink.wsgi"],
            cwd=folder,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )
        self._wait()
        team = self.ask("POST", "teams/", {"name": "acme"})["id"]
        self.project = self.ask("POST", "projects/", {"name": "web", "team": team})["id"]

    def _run(self, program, *arguments):
        return subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def _wait(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.ask("GET", "projects/")
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.2)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/api/canonical/0/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.loads(answer.read())

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
