"""The runbooks of this very scenario: what they say changes nothing is run, here and on the hosts."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import pytest
from conftest import PROJECT


@pytest.fixture(scope="module")
def commands(lab, tmp_path_factory):
    """The commands as the site has them, with the inventory's path as it is."""
    folder = tmp_path_factory.mktemp("runbooks")
    done = lab.playbook("playbooks/runbooks.yml", "-e", f"runbooks_dir={folder}")
    assert done.returncode == 0, done.stdout
    return [
        command
        for command in json.loads((folder / "commands.json").read_text())
        if not command["changes"]
    ]


def test_what_is_to_be_run_on_the_host_ends_well(lab, server, commands):
    here = [command for command in commands if command["host"] == lab.name]
    assert {"deploy", "logs", "certificates", "incident"} <= {one["topic"] for one in here}
    failed = []
    for command in here:
        done = server.run(command["run"])
        if done.rc != 0:
            failed.append((command["run"], done.rc, done.stderr or done.stdout))
    assert failed == []


def test_what_they_show_is_there(lab, server, commands):
    shown = {
        (command["topic"], command["title"]): server.run(command["run"]).stdout
        for command in commands
        if command["host"] == lab.name
    }
    assert "api-services-worker-1" in shown["deploy", "See its containers"]
    assert json.loads(shown["deploy", "See the last release"])["outcome"]
    assert '"status":' in shown["logs", "The last requests"]
    assert shown["logs", "Containers of api"].strip()
    assert "notAfter=" in next(
        text for (topic, title), text in shown.items() if "api.farol.test" in title
    )
    assert (
        "farol_certificate"
        in shown["certificates", "When each certificate ends, in seconds since 1970"]
    )


def test_playbooks_that_only_look_end_well(lab, commands):
    """Those of the whole inventory, on this host alone; what site.yml would do is another module's matter."""
    lab.forget_connections()
    looking = {
        command["run"]
        for command in commands
        if command["playbook"] in ("releases", "verify") and command["limit"] in ("", lab.name)
    }
    assert {line.split("/")[-1].split(".")[0] for line in looking} == {"releases", "verify"}
    for line in sorted(looking):
        limit = [] if "--limit" in line else ["--limit", lab.name]
        done = subprocess.run(
            [*shlex.split(line), *limit, "-e", "verify_report_dir="],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}"
