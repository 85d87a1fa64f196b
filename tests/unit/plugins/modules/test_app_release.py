"""The module itself: its arguments, check mode and what it says, with an engine that is a script on PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.modules import app_release

APP = {"name": "api", "domain": "d.example.com", "image": "i", "version": "1.0", "port": 8000}
SECRETS = {"app": {"TOKEN": "s3cret-token"}, "services": {}, "accessories": {}}


@pytest.fixture
def run(tmp_path):
    """Run the module as Ansible does, in a process of its own with its arguments on standard input."""

    def call(*, docker: str | None, check: bool = False, **arguments):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        if docker is not None:
            (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n")
            (folder / "docker").chmod(0o755)
        parameters = {
            "app": APP,
            "secrets": SECRETS,
            "ports": {"blue": 1, "green": 2},
            "root": str(tmp_path / "opt"),
            "state_dir": str(tmp_path / "state"),
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_remote_tmp": str(tmp_path),
            **arguments,
        }
        # The machine that runs this may have a docker of its own.
        found = None if docker is None else str(folder / "docker")
        script = (
            "import sys\n"
            "from ansible.module_utils import basic\n"
            f"basic.AnsibleModule.get_bin_path = lambda self, name: {found!r}\n"
            "basic._ANSIBLE_ARGS = sys.stdin.buffer.read()\n"
            "basic._ANSIBLE_PROFILE = 'legacy'\n"
            f"from {app_release.__name__} import main\n"
            "main()\n"
        )
        process = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": parameters}),
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
            umask=0o077,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.stdout, process.stderr
        return json.loads(process.stdout)

    return call


def test_check_mode_on_a_fresh_host_predicts_a_release(run, tmp_path):
    result = run(docker=None, check=True)
    assert result["changed"] is True and result["colour"] == "blue"
    assert result["diff"]["before"] == "release: none\n"
    assert result["diff"]["after"].startswith(f"release: {result['release']}\n")
    assert not Path(tmp_path / "state").exists()


def test_a_host_without_docker_is_told_what_to_do(run):
    result = run(docker=None)
    assert result["failed"] and result["msg"] == (
        "api: docker is not installed on this host; run the docker role first"
    )


def test_what_fails_is_named_and_no_secret_shown(run):
    result = run(docker="echo 'cannot use s3cret-token' >&2; exit 1")
    assert result["failed"]
    assert "cannot use ********" in result["msg"]
    assert result["msg"].endswith("\nwhat serves can't be asked while Docker does not answer.")
    assert "s3cret-token" not in json.dumps(result)


def test_a_release_that_serves_is_left_alone(run):
    wanted = run(docker=None, check=True)["release"]
    result = run(docker=f"printf 'api-blue\\tweb\\t{wanted}\\trunning\\tid\\n'")
    assert result["changed"] is False and result["release"] == wanted and result["colour"] == "blue"


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


@pytest.fixture
def green_port():
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_failure_after_the_flip_returns_and_names_the_release_that_serves(run, green_port):
    result = release_beside_an_old_one(
        run, green_port, up="*' up '*worker*) echo no room >&2; exit 1 ;;"
    )
    assert "failed: no room; switched back to the old release" in result["msg"]
    assert result["msg"].endswith("\nold serves on.") and result["release"] == "old"


def test_the_flag_is_visible_to_others_whatever_the_umask(run, green_port, tmp_path):
    result = release_beside_an_old_one(run, green_port, up="")
    assert result["changed"] and result["colour"] == "green"
    for path in (tmp_path / "state", tmp_path / "state/api"):
        assert path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "state/api/green").stat().st_mode & 0o777 == 0o644


def release_beside_an_old_one(run, green_port, up):
    app = {**APP, "services": {"worker": {"command": "work"}}}
    docker = f"""case "$*" in
    {up}
    ps*) printf 'api-blue\\tweb\\told\\trunning\\t1\\n' ;;
    inspect*) echo running none 0 ;;
    info*) echo / ;;
    esac"""
    ports = {"blue": 1, "green": green_port}
    return run(docker=docker, app=app, ports=ports, ask_nginx=False, bake_seconds=0, min_free_mb=0)
