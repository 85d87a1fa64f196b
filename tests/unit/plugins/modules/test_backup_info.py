"""The modules themselves, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.farol.vps.plugins.modules import backup_bucket, backup_info
from backup_tools import CONFIG


def run(module, tmp_path, **arguments):
    parameters = {"_ansible_remote_tmp": str(tmp_path), **arguments}
    script = (
        "import sys\n"
        "from ansible.module_utils import basic\n"
        "basic._ANSIBLE_ARGS = sys.stdin.buffer.read()\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        f"from {module.__name__} import main\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": parameters}),
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout, process.stderr
    return json.loads(process.stdout)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "backup.json"
    path.write_text(json.dumps({**CONFIG, "clusters": [], "sources": [], "repositories": []}))
    return str(path)


def test_a_host_without_sources(tmp_path, config):
    result = run(backup_info, tmp_path, config=config)
    assert result["changed"] is False
    assert (result["backups"], result["sources"], result["faults"]) == ([], {}, [])


def test_a_source_that_there_is_not(tmp_path, config):
    result = run(backup_info, tmp_path, config=config, source="x")
    assert result["failed"] and result["msg"] == "there is no source x; there are none"


def test_a_host_without_the_role(tmp_path):
    result = run(backup_info, tmp_path, config=str(tmp_path / "none"))
    assert result["failed"] and "run the role backup first" in result["msg"]


def test_what_is_missing_fails_where_an_age_is_wanted(tmp_path):
    repository = {**CONFIG["repositories"][0], "path": str(tmp_path / "away")}
    path = tmp_path / "backup.json"
    path.write_text(json.dumps({**CONFIG, "clusters": [], "repositories": [repository]}))
    result = run(backup_info, tmp_path, config=str(path), source="uploads", max_age=60)
    assert result["failed"] and "uploads in near: there is no whole backup" in result["msg"]
    assert "is not there; mount it" in result["faults"][0]


def test_what_the_host_knows_itself_takes_no_storage(tmp_path):
    repository = {**CONFIG["repositories"][0], "path": str(tmp_path / "away")}
    path = tmp_path / "backup.json"
    path.write_text(json.dumps({**CONFIG, "clusters": [], "repositories": [repository]}))
    result = run(backup_info, tmp_path, config=str(path), storage=False)
    assert list(result["sources"]) == ["uploads", "shop", "queue"] and result["faults"] == []
    result = run(backup_info, tmp_path, config=str(path), storage=False, max_age=60)
    assert "max_age needs the storage" in result["msg"]


def test_a_bucket_at_a_storage_that_is_not_there(tmp_path):
    result = run(
        backup_bucket,
        tmp_path,
        name="acme-backups",
        endpoint="https://127.0.0.1:1",
        access_key="key",
        secret_key="the-secret-of-it",
    )
    assert result["failed"] and "bucket acme-backups: the storage does not answer" in result["msg"]
    assert "the-secret-of-it" not in json.dumps(result)
