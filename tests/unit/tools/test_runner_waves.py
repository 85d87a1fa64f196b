# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run goes wave by wave, ends at the first that fails or goes on, and ends with its table."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import threading
from pathlib import Path

import pytest
from ansible_collections.farol.vps.tools.runner import stage, stages, waves
from ansible_collections.farol.vps.tools.runner.stage import Stage

GOOD, BAD = ["true"], ["bash", "-c", "echo broken; exit 1"]


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(Path.cwd())  # and back again
    for name in waves.ENVIRONMENT:
        monkeypatch.setenv(name, "")
    monkeypatch.delenv("FAROL_TABLE_FOLLOWS", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)
    monkeypatch.setattr(waves, "stopped", threading.Event())
    monkeypatch.setattr(stage, "stopped", waves.stopped)
    monkeypatch.setattr(waves, "RECORD", tmp_path / "run.jsonl")
    monkeypatch.setattr(waves, "LOGS", tmp_path / "log")
    monkeypatch.setattr(waves, "LOCK", tmp_path / "lab/running")


def run(*lists, go_on=False):
    made = [
        [Stage(name, command, 60.0) for name, command in wave.items()] for wave in map(dict, lists)
    ]
    return waves.run("test", made, go_on)


def test_all_that_pass_are_in_the_table_at_the_end(capsys):
    assert run({"a": GOOD, "b": GOOD, "c": GOOD}, {"d": GOOD}) == 0
    shown = capsys.readouterr().out
    assert "4 passed, 0 failed" in shown.splitlines()
    assert shown.splitlines()[-2].startswith("proven: ")
    assert waves.not_passed() == set()


def test_a_gate_ends_with_the_wave_that_failed_and_says_why(capsys):
    assert run({"a": BAD, "b": GOOD}, {"c": GOOD}) == 1
    shown = capsys.readouterr().out
    assert re.search(r"^a: FAILED after \d+ s: broken$", shown, re.MULTILINE)
    assert "1 passed, 1 failed" in shown.splitlines()
    assert waves.not_passed() == {"a", "c"}


def test_a_run_of_scenarios_goes_on(capsys):
    assert run({"a": BAD}, {"b": GOOD}, go_on=True) == 1
    assert waves.not_passed() == {"a"}


def test_a_run_that_was_stopped_begins_nothing_more_and_is_not_well():
    waves.stopped.set()
    assert run({"a": GOOD}) == 1
    assert waves.not_passed() == {"a"}


def test_two_runs_of_one_checkout_do_not_mix(capsys):
    waves.LOCK.parent.mkdir()
    with waves.LOCK.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert run({"a": GOOD}) == 2
    assert "another run is under way" in capsys.readouterr().out
    assert run({"a": GOOD}) == 0


def test_a_stage_has_what_the_makefile_would_give_it():
    look = ["bash", "-c", 'test -f "$ANSIBLE_CONFIG" && test -d "$PYTHONPATH/ansible_collections"']
    assert run([("look", look)]) == 0
    assert stages.PROJECT.as_posix() in os.environ["PATH"].partition(":")[0]
