# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stage has a limit, leaves nothing running, and says what it was at."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.farol.vps.tools.runner import stage as runner
from ansible_collections.farol.vps.tools.runner.record import (
    FAILED,
    PASSED,
    TIMED_OUT,
    UNFINISHED,
    Record,
)

MOLECULE = """\
echo 'INFO     [web > create] Executing'
echo 'INFO     [web > create] Executed: Successful'
printf 'INFO     [web > verify] \\033[33mExecuting\\033[0m\\n'
sleep 1
echo 'ERROR    [web > verify] Executed: Failed'
exit 1
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "stopped", threading.Event())
    monkeypatch.setattr(runner, "SETTLES", 0.5)
    record = Record(tmp_path / "run.jsonl")
    record.begin("test", ["web"])

    def one(script, limit=120.0):
        passed = runner.run(runner.Stage("web", ["bash", "-c", script], limit), tmp_path, record)
        (row,) = record.rows()
        assert passed == (row.outcome == PASSED)
        return row

    return one


def test_a_command_that_ends_well_passes(run):
    row = run("echo '3 passed in 1.0s'")
    assert (row.outcome, row.error, row.notes) == (PASSED, [], ["3 passed"])


def test_the_steps_of_a_scenario_are_timed_and_the_one_that_failed_is_known(run):
    row = run(MOLECULE)
    assert row.outcome == FAILED and list(row.steps) == ["create", "verify"]
    assert row.failed_step == "verify" and row.steps["verify"] > 0


def test_what_is_too_slow_is_ended_and_says_what_it_was_at(run):
    row = run("echo 'waiting for the ban'; setsid sleep 600 & sleep 601", limit=1.0)
    assert row.outcome == TIMED_OUT and row.seconds < 60
    assert row.error[0].startswith("not done after") and "waiting for the ban" in row.error
    assert any("sleep 60" in line for line in row.error)


def test_a_step_that_was_ended_is_the_one_that_failed(run):
    row = run("echo 'INFO [web > verify] Executing'; sleep 600", limit=2.0)
    assert row.failed_step == "verify"


def test_a_process_that_is_left_behind_fails_the_stage_and_is_ended(run):
    row = run("setsid sleep 600 >/dev/null 2>&1 &")
    assert row.outcome == FAILED and row.error[1:] == ["sleep 600"]


def test_a_run_that_is_stopped_ends_its_stage(run):
    threading.Timer(1.0, runner.stopped.set).start()
    row = run("echo begun; sleep 600")
    assert row.outcome == UNFINISHED and "begun" in row.error
