from __future__ import annotations

from ansible_collections.farol.vps.plugins.module_utils._backup_metrics import (
    escape,
    number,
    render,
)

STATE = {
    "backup": {
        "spaces": {
            "ok": True,
            "run": 1795573900.5,
            "success": 1795573900.5,
            "seconds": 28.04,
            "size": 1024,
            "stored": None,
        },
        "disk": {
            "ok": False,
            "run": 1795573901.0,
            "success": 1795400000.0,
            "seconds": 1.0,
            "error": "no space",
        },
    },
    "drill": {"spaces": {"ok": True, "data": 1795573000.0}},
    "archive": {"ok": False, "waiting": 7, "dropped": 0},
}


def test_every_source_and_repository_has_its_samples():
    lines = render("main", STATE).splitlines()
    where = '{source="main",repository="%s"}'
    assert f"farol_backup_success{where % 'disk'} 0" in lines
    assert f"farol_backup_success{where % 'spaces'} 1" in lines
    # The last success outlives a failure.
    assert f"farol_backup_last_success_timestamp_seconds{where % 'disk'} 1795400000" in lines
    assert f"farol_backup_duration_seconds{where % 'spaces'} 28.04" in lines
    assert f"farol_drill_data_timestamp_seconds{where % 'spaces'} 1795573000" in lines
    assert 'farol_archive_waiting_files{source="main"} 7' in lines
    assert not any(line.startswith("farol_backup_stored_bytes") for line in lines)
    assert "no space" not in "\n".join(lines)


def test_each_metric_is_described_once():
    lines = render("main", STATE).splitlines()
    heads = [line for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads)) and all(line.endswith("gauge") for line in heads)


def test_a_source_that_never_ran_has_no_metrics():
    assert render("main", {}) == ""


def test_labels_are_escaped():
    assert escape('a"b\\c\n') == 'a\\"b\\\\c\\n'


def test_numbers():
    assert [number(v) for v in (True, 3, 2.5, 2.0)] == ["1", "3", "2.5", "2"]
