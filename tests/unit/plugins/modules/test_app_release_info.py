"""The module itself, in a process of its own, over the files that a release leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.farol.vps.plugins.filter.releases_table import releases_table
from ansible_collections.farol.vps.plugins.module_utils._release_state import State
from ansible_collections.farol.vps.plugins.module_utils._release_store import Store, Target
from ansible_collections.farol.vps.plugins.modules import app_release_info

FRESH = {
    "changed": False,
    "serving": None,
    "colour": "blue",
    "canary": None,
    "maintenance": False,
    "held": None,
    "kept": [],
    "log": [],
}


@pytest.fixture
def run(tmp_path):
    """Run the module as Ansible does, with a docker that is this script, or none."""

    def call(docker=None, check=False, **arguments):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        if docker is not None:
            (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n")
            (folder / "docker").chmod(0o755)
        parameters = {
            "name": "api",
            "root": str(tmp_path / "opt"),
            "state_dir": str(tmp_path / "state"),
            "_ansible_check_mode": check,
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
            f"from {app_release_info.__name__} import main\n"
            "main()\n"
        )
        process = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": parameters}),
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.stdout, process.stderr
        result = json.loads(process.stdout)
        result.pop("invocation", None)
        return result

    return call


@pytest.mark.parametrize("check", [False, True])
def test_a_fresh_host_has_nothing_and_gets_nothing(run, tmp_path, check):
    assert run(check=check) == FRESH
    assert not (tmp_path / "opt").exists() and not (tmp_path / "state").exists()


def test_docker_that_does_not_answer_hides_nothing_else(run):
    assert run(docker="echo 'Cannot connect to the Docker daemon' >&2; exit 1") == FRESH


def test_what_releases_have_left_is_told(run, tmp_path):
    store = Store(str(tmp_path / "opt/api"))
    for name in ("1.9-a", "1.10-b", "2.0-never"):
        app = {"name": "api", "version": name.partition("-")[0]}
        store.save(Target(name, app, {"services": {}}, {"services": {}}), {}, {})
    store.mark_served("1.9-a")
    store.mark_served("1.10-b")
    state = State(str(tmp_path / "state/api"))
    os.makedirs(state.folder)
    state.flip("green")
    state.set_canary(10)
    state.hold("2.0-never")
    entry = {
        "time": "2026-11-24T10:00:00Z",
        "action": "release",
        "release": "1.10-b",
        "outcome": "released",
    }
    state.log(entry)
    open(state.path("maintenance"), "w").close()
    before = sorted(os.walk(tmp_path / "state"))
    result = run(
        docker=r"printf 'api-blue\tweb\t1.9-a\trunning\t1\napi-green\tweb\t1.10-b\trunning\t2\n'"
    )
    kept = result.pop("kept")
    assert [(one["release"], one["version"]) for one in kept] == [
        ("1.9-a", "1.9"),
        ("1.10-b", "1.10"),
    ]
    assert kept[0]["served"] < kept[1]["served"]
    assert result == {
        "changed": False,
        "serving": "1.10-b",
        "colour": "green",
        "canary": 10,
        "maintenance": True,
        "held": "2.0-never",
        "log": [entry],
    }
    assert sorted(os.walk(tmp_path / "state")) == before, "it only reads"
    table = releases_table({**result, "kept": kept})
    assert table.splitlines()[0] == (
        "serves 1.10-b (green); a canary gets 10 % of the clients; closed for maintenance; "
        "held back: 2.0-never; kept: 1.9-a, 1.10-b"
    )


def test_another_application_of_the_host_is_no_matter(run, tmp_path):
    os.makedirs(tmp_path / "state/web")
    State(str(tmp_path / "state/web")).flip("green")
    assert run() == FRESH
