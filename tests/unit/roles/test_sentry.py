# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role tells Sentry, and goes on where that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sentry_server import TOKEN, SentryServer

PROJECT = Path(__file__).parents[3]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Tell
      ansible.builtin.include_role:
        name: farol.vps.sentry
        tasks_from: tell
      vars:
        __sentry_state: deployed
        __sentry_releases:
          - version: api@1.0.0
            projects: [api]
            deploy: {environment: production}
    - name: Go on
      ansible.builtin.debug:
        msg: went on
"""


@pytest.fixture
def server():
    server = SentryServer()
    yield server
    server.close()


@pytest.fixture
def play(tmp_path, server):
    """Run the role. Its status, and what it printed, which never holds the token."""
    (tmp_path / "play.yml").write_text(PLAY)

    def run(**options):
        given = {
            "sentry_url": server.url,
            "sentry_organization": "acme",
            "sentry_token": TOKEN,
            "sentry_retries": 0,
            "ansible_python_interpreter": sys.executable,
            **options,
        }
        done = subprocess.run(
            ["ansible-playbook", "-vv", "-i", "localhost,", "-e", json.dumps(given), "play.yml"],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".collections"),
                "ANSIBLE_NOCOLOR": "1",
                "NO_PROXY": "127.0.0.1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        said = " ".join(done.stdout.split())
        assert TOKEN not in said + done.stderr
        return done.returncode, said

    return run


def test_it_tells_once(server, play):
    status, said = play()
    assert (status, "went on" in said, "changed=1" in said) == (0, True, True), said
    assert [deploy["environment"] for deploy in server.releases["api@1.0.0"]["deploys"]] == [
        "production"
    ]
    status, said = play()
    assert "changed=0" in said
    assert len(server.releases["api@1.0.0"]["deploys"]) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sentry_token": ""}, "sentry_token: is empty, so that api@1.0.0 can't be told of"),
        ({"sentry_token": "wrong"}, "api@1.0.0: token: Sentry answers 401: Invalid token"),
        ({"sentry_url": "http://127.0.0.1:1"}, "can't be reached"),
    ],
    ids=["no token", "wrong token", "nobody there"],
)
def test_who_cannot_be_told_ends_nothing_unless_it_is_required(play, options, reason):
    status, said = play(**options)
    assert (status, "went on" in said) == (0, True), said
    assert "Sentry was not told: " in said and reason in said
    status, said = play(**options, sentry_required=True)
    assert (status != 0, "went on" in said) == (True, False)
    assert "Sentry was not told, and sentry_required is set: " in said
