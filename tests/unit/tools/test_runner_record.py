# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of a run tells how far it came, whatever ended it."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.tools.runner.record import (
    FAILED,
    PASSED,
    Record,
    first_failure,
    table,
)

TABLE = """\
stage    seconds  outcome     steps, notes
lint          45  passed
default      301  FAILED      destroy 9, create 12, converge 130; flaky: test_x
    converge:
    TASK [Install]
    log: /logs/default.log
demo           0  UNFINISHED
    log: /logs/demo.log
1 passed, 2 failed"""


@pytest.fixture
def record(tmp_path):
    made = Record(tmp_path / "cache/run.jsonl")
    made.begin("gate", ["lint", "default", "demo"])
    return made


def start(record, stage):
    record.add(event="start", stage=stage, log=f"/logs/{stage}.log")


def end(record, stage, outcome=PASSED, **more):
    values = {"seconds": 1.0, "error": [], "notes": [], **more}
    record.add(event="end", stage=stage, outcome=outcome, **values)


def test_each_stage_is_a_row_and_what_failed_says_why(record):
    start(record, "lint")
    end(record, "lint", seconds=45.2)
    start(record, "default")
    # Molecule removes the hosts first and last.
    for step, seconds in (("destroy", 4), ("create", 12), ("converge", 130), ("destroy", 5)):
        ok = step != "converge"
        record.add(event="step", stage="default", step=step, seconds=seconds, ok=ok)
    why = {"error": ["TASK [Install]"], "notes": ["flaky: test_x"]}
    end(record, "default", FAILED, seconds=301.4, **why)
    start(record, "demo")
    assert table(record.rows()) == TABLE
    assert first_failure(record.rows()) == "default: converge: FAILED: TASK [Install]"


def test_a_killed_run_is_told_as_far_as_it_came(record):
    start(record, "lint")
    assert "lint        0  UNFINISHED" in table(record.rows())
    assert first_failure(record.rows()) == "lint: UNFINISHED: /logs/lint.log"


def test_a_run_that_passed_has_no_failure(record):
    start(record, "lint")
    end(record, "lint")
    assert first_failure(record.rows()) == ""
    assert table(record.rows()).endswith("1 passed, 0 failed")


def test_a_run_that_never_began_is_not_well(tmp_path):
    rows = Record(tmp_path / "run.jsonl").rows()
    assert table(rows) == first_failure(rows) == "nothing was run"


def test_a_run_forgets_the_one_before(record):
    start(record, "lint")
    record.begin("check", ["unit"])
    assert record.rows() == [] and record.planned() == ["unit"]
