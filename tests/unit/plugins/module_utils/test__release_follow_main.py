"""The program that the timer starts: a process of its own with its arguments in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_follow
from docker_script import DockerScript

SERVES = r"""case $1 in
ps) printf 'api-blue\tweb\t1.0-a\trunning\t1\n' ;;
pull) echo 'denied for s3cret-token' >&2; exit 1 ;;
esac"""


@pytest.fixture
def program(tmp_path):
    script = DockerScript(tmp_path / "bin")

    def run(docker):
        script.says(docker)
        arguments = {
            "app": {"name": "api", "domain": "d", "image": "i", "version": "latest", "port": 8000},
            "secrets": {"app": {"TOKEN": "s3cret-token"}},
            "ports": {"blue": 1, "green": 2},
            "container_defaults": {},
            "singletons": True,
            "root": str(tmp_path / "opt"),
            "state_dir": str(tmp_path / "state"),
        }
        (tmp_path / "api.json").write_text(json.dumps(arguments))
        return subprocess.run(
            [sys.executable, "-m", _release_follow.__name__, str(tmp_path / "api.json")],
            env={**os.environ, "PATH": f"{script.folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_where_nothing_serves_there_is_nothing_to_follow(program, tmp_path):
    done = program("")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == "api: nothing serves, so there is nothing to follow; deploy a version first\n"
    )
    assert not (tmp_path / "opt").exists()


def test_a_failure_is_one_line_in_the_journal_without_a_secret_and_fails_the_unit(program):
    done = program(SERVES)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "api: docker pull --quiet i:latest … failed: denied for ********; check image and version"
    )
    assert len(done.stderr.splitlines()) == 1
