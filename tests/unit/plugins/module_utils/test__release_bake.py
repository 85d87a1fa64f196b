"""What Nginx's log says of a release, through rotation and half-written lines."""

from __future__ import annotations

import json

import pytest
from ansible_collections.farol.vps.plugins.module_utils._release_bake import (
    AccessLog,
    Count,
    count,
    worse,
)


def line(status=200, host="a.test", upstream="127.0.0.1:20001"):
    return json.dumps({"host": host, "status": status, "upstream": upstream}).encode() + b"\n"


def test_only_what_the_release_answered_for_its_domains_counts():
    lines = [
        line(),
        line(502),
        line(500, host="other.test"),
        line(500, upstream="127.0.0.1:20000"),
        line(503, upstream="127.0.0.1:20000, 127.0.0.1:20001"),
        b"no json\n",
        b"[1]\n",
        b'{"host": "a.test"}\n',
        line("x"),
    ]
    assert count(lines, {"a.test"}, 20001) == Count(3, 2)


@pytest.mark.parametrize(
    ("before", "after", "is_worse"),
    [
        (Count(100, 0), Count(100, 4), False),
        (Count(100, 0), Count(100, 5), True),
        (Count(1000, 0), Count(1000, 20), False),
        (Count(1000, 0), Count(1000, 21), True),
        (Count(100, 10), Count(100, 20), False),
        (Count(100, 10), Count(100, 21), True),
        (Count(0, 0), Count(5, 5), True),
        (Count(0, 0), Count(0, 0), False),
    ],
)
def test_worse_is_twice_as_bad_and_by_more_than_a_margin(before, after, is_worse):
    assert bool(worse(before, after)) is is_worse


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.log"


def test_lines_come_whole_and_once(path):
    path.write_bytes(line(200) + line(201)[:10])
    log = AccessLog(str(path))
    assert log.before() == [line(200)]
    with path.open("ab") as handle:
        handle.write(line(201)[10:] + line(202)[:5])
        handle.flush()
        assert log.more() == [line(201)]
        handle.write(line(202)[5:])
    assert log.more() == [line(202)]
    assert log.more() == []
    log.close()


def test_a_rotated_log_is_followed(path):
    path.write_bytes(line(200))
    log = AccessLog(str(path))
    log.before()
    path.rename(path.with_suffix(".log.1"))
    path.write_bytes(line(500))
    assert log.more() == []
    assert log.more() == [line(500)]


def test_a_log_that_was_cut_is_read_from_its_start(path):
    path.write_bytes(line(200) * 3)
    log = AccessLog(str(path))
    log.before()
    path.write_bytes(line(500))
    log.more()
    assert log.more() == [line(500)]


def test_of_a_long_log_the_end_counts(path, monkeypatch):
    monkeypatch.setitem(AccessLog.before.__globals__, "BEFORE", 3 * len(line()) - 5)
    path.write_bytes(line() * 10)
    assert AccessLog(str(path)).before() == [line()] * 2


def test_without_a_log_nothing_is_judged(path):
    log = AccessLog(str(path))
    assert log.before() == log.more() == []
    log.close()
