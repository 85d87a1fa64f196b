from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._backup_records import (
    DAY,
    Backup,
    Keep,
    age,
    chosen,
    due_kind,
    expired,
    from_pgbackrest,
    from_restic,
    restic_time,
    size,
    stanza_fault,
    table,
    wal_range,
)

RECORDED = Path(__file__).parents[2] / "fixtures/backup"
NOW = datetime(2026, 11, 25, 4, tzinfo=timezone.utc).timestamp()


def snapshot(days: float, complete: bool = True, source: str = "app") -> Backup:
    time = NOW - days * DAY
    return Backup(
        source, "disk", f"{round(days * 10000):08x}", "snapshot", time, 100, complete=complete
    )


def test_retention_keeps_the_newest_and_the_last_of_each_period():
    backups = [snapshot(day) for day in range(60)]
    gone = expired(backups, Keep(last=3, daily=7, weekly=4, monthly=2), NOW)
    left = [backup for backup in backups if backup not in gone]
    assert left[:7] == backups[:7]
    assert len(left) in range(9, 13)
    assert backups[-1] in gone


def test_a_bad_run_evicts_nothing_good():
    good = [snapshot(day) for day in (30, 31, 32)]
    bad = [snapshot(day, complete=False) for day in range(29)]
    assert expired([*bad, *good], Keep(last=3, daily=7, weekly=0, monthly=0), NOW) == []


def test_the_newest_whole_one_stays_whatever_is_wanted():
    backups = [snapshot(400), snapshot(500)]
    assert expired(backups, Keep(0, 0, 0, 0), NOW) == [backups[1]]


def test_without_a_whole_one_nothing_goes():
    assert expired([snapshot(100, complete=False)], Keep(0, 0, 0, 0), NOW) == []


def test_a_partial_one_goes_after_a_week_once_a_whole_one_came_after_it():
    old, recent, newer = snapshot(9, False), snapshot(3, False), snapshot(0.5, False)
    assert expired([old, recent, newer, snapshot(1)], Keep(), NOW) == [old]
    assert expired([old, snapshot(20)], Keep(), NOW) == []


@pytest.mark.parametrize("seed", range(200))
def test_whatever_happened_a_good_backup_is_left(seed):
    chance = random.Random(seed)
    backups = [
        snapshot(chance.uniform(0, 400), chance.random() < 0.3)
        for _backup in range(chance.randrange(1, 40))
    ]
    keep = Keep(*(chance.randrange(0, 5) for _kind in range(4)))
    gone = expired(backups, keep, NOW)
    whole = [backup for backup in backups if backup.complete]
    if whole:
        assert max(whole, key=lambda backup: backup.time) not in gone
    else:
        assert gone == []


def backup_of(kind: str, days: float, complete: bool = True) -> Backup:
    return Backup("main", "disk", kind + str(days), kind, NOW - days * DAY, 100, complete=complete)


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        ([], "full"),
        ([backup_of("full", 6)], "diff"),
        ([backup_of("full", 6.97)], "full"),
        ([backup_of("full", 8), backup_of("diff", 1)], "full"),
        ([backup_of("full", 1, complete=False)], "full"),
    ],
)
def test_a_full_backup_is_due_where_the_last_good_one_is_too_old(there, kind):
    assert due_kind(there, 7, NOW) == kind


def test_the_backup_to_restore():
    backups = [snapshot(3), snapshot(2), snapshot(1, complete=False)]
    assert chosen(backups) == backups[1]
    assert chosen(backups, until=NOW - 2.5 * DAY) == backups[0]
    assert chosen(backups, until=NOW - 9 * DAY) is None
    assert chosen(backups, backups[2].id) == backups[2]
    assert chosen(backups, "0000") is None, "that could be any of them"
    assert chosen(backups, "ffff") is None


@pytest.mark.parametrize("version", ["2.37", "2.45", "2.50", "2.55", "2.58"])
def test_what_each_supported_pgbackrest_says(version):
    path = RECORDED / f"pgbackrest-{version}.json"
    info = json.loads(path.read_text())
    found = from_pgbackrest(info, ["disk", "other"])
    assert [backup.kind for backup in found] == ["full", "diff"]
    assert all(b.complete and b.source == "main" and b.repository == "disk" for b in found)
    assert all(b.size > 1e6 and b.stored > 0 and b.seconds >= 0 for b in found)
    assert stanza_fault(info, "main", 1) == ""
    assert stanza_fault(info, "absent", 1) == "missing stanza path"
    assert wal_range(info, "main")[0]["repository"] == 1


def test_a_backup_with_wrong_page_checksums_is_not_whole():
    info = json.loads((RECORDED / "pgbackrest-2.50.json").read_text())
    info[0]["backup"][0]["error"] = True
    assert [b.complete for b in from_pgbackrest(info, ["disk"])] == [False, True]


@pytest.mark.parametrize("version", ["0.12", "0.14", "0.16", "0.18"])
def test_what_each_supported_restic_says(version):
    found = from_restic(json.loads((RECORDED / f"restic-{version}.json").read_text()), "disk")
    assert [(b.source, b.complete) for b in found] == [("etc", True), ("etc", False)]
    assert found[0].size > 0
    assert found[0].id and found[0].time > 1.7e9


@pytest.mark.parametrize("empty", [None, []])
def test_a_repository_without_snapshots(empty):
    assert from_restic(empty, "disk") == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T04:00:00.123456789Z",
        "2026-11-25T05:00:00.123456789+01:00",
        "2026-11-25T04:00:00Z",
    ],
)
def test_restic_times_have_nanoseconds_and_zones(text):
    assert restic_time(text) == pytest.approx(NOW, abs=0.2)


def test_a_time_that_is_none():
    with pytest.raises(ValueError, match="is not one"):
        restic_time("yesterday")


def test_the_table():
    shown = table([snapshot(2).as_dict(NOW), snapshot(1, False).as_dict(NOW)])
    lines = shown.splitlines()
    assert lines[0].split() == [
        "source",
        "repository",
        "backup",
        "kind",
        "when",
        "age",
        "size",
        "stored",
        "state",
    ]
    assert "files are missing" not in lines[1] and lines[1].split()[4] == "2026-11-24T04:00:00Z"
    assert lines[2].endswith("complete")


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30 s"), (600, "10 min"), (3 * 3600, "3 h"), (9 * DAY, "9 d")]
)
def test_ages(seconds, text):
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(5, "5 B"), (2048, "2.0 KiB"), (3 * 2**30, "3.0 GiB"), (5 * 2**40, "5.0 TiB")],
)
def test_sizes(count, text):
    assert size(count) == text
