# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tests of the modules for Sentry share: the module as Ansible calls it, a Git history, Sentry's own client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from unittest.mock import patch

import pytest
from ansible.module_utils.testing import patch_module_args
from sentry_server import TOKEN


def call(module, server, capsys, check=False, **options):
    """Run a module against a server. Its result, with the warnings."""
    given = {
        "url": server.url,
        "organization": "acme",
        "token": TOKEN,
        "retry_delay": 0.01,
        "timeout": 2,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        **options,
    }
    given = {key: value for key, value in given.items() if value is not None}
    said = []
    warn = patch.object(module.AnsibleModule, "warn", lambda _self, text: said.append(text))
    capsys.readouterr()
    with patch_module_args(given), warn, pytest.raises(SystemExit):
        module.main()
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert TOKEN not in json.dumps({k: v for k, v in result.items() if k != "invocation"})
    return {**result, "warnings": said}


class Repository:
    """A Git history whose commits are a day apart."""

    def __init__(self, path):
        self.path, self.day = path, 0
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments, **environment):
        return subprocess.run(
            ["git", "-C", str(self.path), "-c", "user.name=Ana", "-c", "user.email=ana@example.com"]
            + list(arguments),
            env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, message, zone="+0000", **files):
        """Write files by name, with C(__) for a dot; None removes one. The commit's SHA."""
        for name, text in files.items():
            path = self.path / name.replace("__", ".")
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.day += 1
        date = f"2026-11-{self.day:02}T10:00:00{zone}"
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
        return self.git("rev-parse", "HEAD")


def client(server, *arguments, cwd=None):
    """Run Sentry's own client; skips where it is not installed."""
    program = shutil.which("sentry-cli")
    if not program:
        pytest.skip("sentry-cli is not installed: pip install sentry-cli")
    environment = {
        **os.environ,
        "SENTRY_URL": server.url,
        "SENTRY_ORG": "acme",
        "SENTRY_AUTH_TOKEN": TOKEN,
        "SENTRY_LOAD_DOTENV": "0",
        "NO_PROXY": "127.0.0.1",
    }
    for _try in range(3):
        heard = len(server.requests)
        done = subprocess.run(
            [program, *arguments],
            check=False,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        # Of a connection that was reset before it said anything the server knows nothing.
        if "Connection reset by peer" not in done.stderr or len(server.requests) > heard:
            break
    return done
