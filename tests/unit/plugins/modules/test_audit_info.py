# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""audit_info and audit_outside as processes, with scripts in the place of the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PACKAGE = "ansible_collections.farol.vps.plugins.modules"
IMAGE = {"Id": "sha256:1", "RepoTags": ["redis:7"], "Created": "2020-01-01T00:00:00Z"}
CONTAINER = {"Name": "/agent", "Image": "sha256:1", "HostConfig": {"Privileged": True}}
COMMANDS = {
    "apt-get": "echo 'Inst vim [1] (2 Ubuntu:24.04/noble-security [amd64])'",
    "ss": "echo 'tcp LISTEN 0 511 0.0.0.0:443 0.0.0.0:* users:((\"nginx\",pid=4,fd=9))'",
    "docker": f"""case "$1 $2" in
"ps --quiet") echo c1 ;;
"inspect c1") echo '{json.dumps([CONTAINER])}' ;;
"image inspect") echo '{json.dumps([IMAGE])}' ;;
esac""",
}


@pytest.fixture
def run(tmp_path):
    def run(module, commands, **arguments):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, script in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        (tmp_path / "arguments").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        ran = subprocess.run(
            [sys.executable, "-m", f"{PACKAGE}.{module}", str(tmp_path / "arguments")],
            env={**os.environ, "PATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)

    return run


def test_what_the_commands_say_is_returned(run, tmp_path):
    secret = tmp_path / "secrets.json"
    secret.touch()
    secret.chmod(0o660)
    found = run("audit_info", COMMANDS, secrets=[str(secret)])

    assert [one["package"] for one in found["updates"]] == ["vim"]
    assert found["listening"] == [{"protocol": "tcp", "port": 443, "process": "nginx"}]
    assert found["containers"] == [{"container": "agent", "risks": ["privileged"]}]
    assert found["images"][0]["image"] == "redis:7" and found["images"][0]["days"] > 2000
    assert [one["path"] for one in found["secrets"]] == [str(secret)]
    assert found["left_out"] == []


def test_what_is_missing_or_fails_is_told_and_the_rest_returned(run):
    broken = {"ss": COMMANDS["ss"], "docker": "echo 'no daemon' >&2; exit 1"}
    found = run("audit_info", broken, secrets=[])

    assert found["updates"] == found["containers"] == []
    assert len(found["listening"]) == 1
    assert found["left_out"] == [
        {"what": "updates", "why": "there is no apt-get on the host"},
        {"what": "containers", "why": "docker failed: no daemon"},
    ]


def test_sources_are_looked_at_without_a_host(run, tmp_path):
    source = tmp_path / "api"
    source.mkdir()
    (source / "requirements.txt").touch()
    issue = {"test_id": "B1", "issue_severity": "HIGH", "filename": "a.py", "line_number": 1}
    report = {"results": [{**issue, "issue_text": "eval"}]}
    holes = {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "P1"}]}]}
    tools = {
        "bandit": f"echo '{json.dumps(report)}'",
        "pip-audit": f"echo '{json.dumps(holes)}'; exit 1",
    }
    found = run("audit_outside", tools, sources={"api": str(source)})

    assert found["bandit"]["api"][0]["id"] == "B1"
    assert found["pip_audit"] == {"api": [{"id": "P1", "package": "a 1", "fixed": []}]}
    assert found["ports"] == [] and found["left_out"] == []
