# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers as AWX hands them over: strings, marked unsafe, in a file of extra variables, with nobody at a terminal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from awx_objects import PROJECT, playbooks

INVENTORY = {
    "all": {
        "hosts": {"here": {"ansible_connection": "local", "ansible_become": False}},
        "vars": {
            "apps": [
                {
                    **{"name": "api", "domain": "api.example.com"},
                    "image": "api",
                    "version": "1.0.0",
                    "port": 8000,
                }
            ],
            "nginx_sites": [
                {
                    "name": "api",
                    "balance": {"servers": {"a": "198.51.100.1:80", "b": "198.51.100.2:80"}},
                }
            ],
        },
    }
}


class Unsafe(str):
    """A string that AWX writes with the tag ``!unsafe``."""


yaml.SafeDumper.add_representer(
    Unsafe, lambda dumper, it: dumper.represent_scalar("!unsafe", str(it))
)


@pytest.fixture
def job(tmp_path):
    """Runs a playbook with answers; ``own`` are variables of the test's that are no answers."""

    def run(playbook: str, answers: dict[str, str], **own: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(INVENTORY))
        marked = {name: Unsafe(value) for name, value in answers.items()}
        (tmp_path / "answers.yml").write_text(yaml.safe_dump(marked))
        (tmp_path / "own.yml").write_text(yaml.safe_dump(own))
        extra = ["-e", f"@{tmp_path}/own.yml", "-e", f"@{tmp_path}/answers.yml"]
        return subprocess.run(
            ["ansible-playbook", "-i", f"{tmp_path}/hosts.yml", *extra, f"playbooks/{playbook}"],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_a_confirmation_is_compared_as_text(job):
    """Were it a template, 49 would confirm it."""
    run = job(
        "restore.yml", {"source": "{{ 7 * 7 }}", "confirm": "49", "discard_replaced": "false"}
    )
    assert run.returncode == 2
    assert "nothing was changed" in run.stdout
    assert "farol-backup" not in run.stdout


def test_an_unknown_application_is_named_as_it_was_typed(job):
    """A product that no path in the output holds by chance."""
    run = job("releases.yml", {"app": "{{ 12345 * 6789 }}"})
    assert run.returncode != 0
    assert "{{ 12345 * 6789 }}" in run.stdout + run.stderr
    assert "83810205" not in run.stdout + run.stderr


def test_an_answer_that_is_left_empty_means_all(job):
    run = job("releases.yml", {"app": ""})
    assert "(item=api)" in run.stdout + run.stderr


def test_a_version_that_became_a_number_is_refused_before_anything_changes(job):
    run = job("deploy.yml", {"app": "api", "version": "1.10"})
    assert run.returncode != 0
    said = " ".join((run.stdout + run.stderr).split())
    assert "version: the answer has been read as a number, 1.1; put it in double quotes" in said
    assert "changed=0" in said


@pytest.mark.parametrize(("closed", "there"), [("true", True), ("false", False)])
def test_true_and_false_are_strings(job, tmp_path, closed, there):
    flag = tmp_path / "maintenance"
    if not there:
        flag.touch()
    run = job(
        "maintenance.yml", {"app": "api", "maintenance": closed}, maintenance_folder=str(tmp_path)
    )
    assert run.returncode == 0, run.stdout
    assert flag.exists() is there


def test_a_host_is_put_back_by_a_string(job, tmp_path):
    flag = tmp_path / "out-a"
    flag.touch()
    answers = {"site": "api", "host": "a", "out": "false", "drain_timeout": "5"}
    run = job("drain.yml", answers, drain_folder=str(tmp_path))
    assert run.returncode == 0, run.stdout
    assert not flag.exists()


def test_a_host_that_nobody_balances_is_named_as_it_was_typed(job):
    answers = {"site": "api", "host": "{{ 'a' }}", "out": "true", "drain_timeout": "5"}
    run = job("drain.yml", answers)
    assert run.returncode == 2
    assert "{{ 'a' }}" in run.stdout


@pytest.mark.parametrize("playbook", playbooks())
def test_no_playbook_waits_for_somebody_to_type(playbook):
    plays = yaml.safe_load((PROJECT / "playbooks" / playbook).read_text())
    text = (PROJECT / "playbooks" / playbook).read_text()
    assert [play for play in plays if "vars_prompt" in play] == []
    assert "pause:" not in text


def test_no_task_waits_for_somebody_to_type():
    files = [*PROJECT.glob("roles/*/tasks/*.yml"), *PROJECT.glob("playbooks/parts/*.yml")]
    assert [path for path in files if "ansible.builtin.pause" in Path(path).read_text()] == []
