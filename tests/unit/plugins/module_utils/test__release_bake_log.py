"""Nginx's access log with what goes wrong in it: lines that are none, a rotation at the worst moment, a cut."""

from __future__ import annotations

import json

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_bake
from ansible_collections.farol.vps.plugins.module_utils._release_bake import (
    BEFORE,
    FEWEST,
    AccessLog,
    Count,
    count,
    worse,
)

DOMAINS = {"api.example.com", "www.example.com"}


def line(host="api.example.com", status=200, upstream="127.0.0.1:20010"):
    entry = {"host": host, "status": status, "upstream": upstream}
    return json.dumps(entry).encode() + b"\n"


def counted(*lines):
    found = count(list(lines), DOMAINS, 20010)
    return found.requests, found.errors


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (line(host="www.example.com"), (1, 0)),
        (line(upstream="127.0.0.1:2001", status=500), (0, 0)),
        (line(upstream="127.0.0.1:20010, 127.0.0.1:20011", status=502), (0, 0)),
        (line(upstream="-", status=503), (0, 0)),
        (line(status=499), (1, 0)),
        (line(status="502"), (1, 1)),
    ],
)
def test_only_what_this_release_was_asked_for_counts(given, expected):
    assert counted(given) == expected


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b'203.0.113.9 - - "GET / HTTP/1.1" 500\n',
        b"\xff\xfe\n",
        b"null\n",
        b"500\n",
        line(upstream=None),
        line(host=["api.example.com"]),
        line(status=None),
        line(status="none"),
    ],
)
def test_a_line_that_is_no_request_is_left_out_as_a_whole(garbage):
    assert counted(line(status=500), garbage, line()) == (2, 1)


def test_counts_add_up_and_a_share_of_nothing_is_none():
    assert Count(1, 1) + Count(3, 0) == Count(4, 1)
    assert (Count(4, 1).share, Count().share) == (0.25, 0)


@pytest.mark.parametrize(
    ("before", "after", "is_worse"),
    [
        (Count(), Count(FEWEST - 1, FEWEST - 1), False),
        # Below two in a hundred the margin is the stricter one.
        (Count(100, 1), Count(1000, 30), False),
        (Count(100, 1), Count(1000, 31), True),
        (Count(10, 10), Count(10, 10), False),
    ],
)
def test_few_errors_and_an_application_that_always_has_them_say_nothing(before, after, is_worse):
    assert bool(worse(before, after)) is is_worse


def test_what_is_worse_is_told_with_both_sides():
    assert worse(Count(40, 1), Count(12, 6)) == (
        "6 of 12 requests were answered with 5xx, before the switch 1 of 40"
    )


# The log as it grows.


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.log"


@pytest.fixture
def log(path):
    path.write_bytes(b"old 1\nold 2\n")
    log = AccessLog(str(path))
    log.before()
    yield log
    log.close()


def add(path, text):
    with open(path, "ab") as handle:
        handle.write(text)


def rotate(path):
    old = path.with_suffix(".log.1")
    path.rename(old)
    return old


def test_through_a_rotation_no_line_is_lost_nor_given_twice(log, path):
    old = rotate(path)
    # Nginx writes to the renamed file until it is told to open the new one.
    add(old, b"last in the old\n")
    assert log.more() == [b"last in the old\n"], "there is no new file yet"
    add(path, b"first in the new\n")
    assert [*log.more(), *log.more()] == [b"first in the new\n"]
    add(path, b"second\n")
    assert log.more() == [b"second\n"]


def test_what_comes_to_the_old_file_while_it_is_left_is_not_lost(log, path, monkeypatch):
    old = rotate(path)
    add(path, b"new\n")
    stat = _release_bake.os.stat

    def stat_late(name):
        add(old, b"late\n")
        return stat(name)

    with monkeypatch.context() as patch:
        patch.setattr(_release_bake.os, "stat", stat_late)
        assert log.more() == []
    assert log.more() == [b"late\n", b"new\n"]


def test_a_new_file_that_cannot_be_opened_leaves_the_old_one_read(log, path):
    old = rotate(path)
    path.mkdir()
    assert log.more() == []
    add(old, b"still here\n")
    assert log.more() == [b"still here\n"]


def test_half_a_line_of_a_log_that_was_cut_spoils_no_new_one(log, path):
    add(path, b"half a li")
    assert log.more() == []
    path.write_bytes(b"")
    assert log.more() == []
    add(path, b"new 1\n")
    assert log.more() == [b"new 1\n"]


def test_of_a_long_log_whole_lines_are_read_however_it_is_cut(path):
    one = b"x" * 99 + b"\n"
    path.write_bytes(one * (BEFORE // 100 + 10) + b"cut")
    log = AccessLog(str(path))
    lines = log.before()
    assert set(lines) == {one} and len(lines) >= BEFORE // 100 - 1
    add(path, b" short\n")
    assert log.more() == [b"cut short\n"]
    log.close()
