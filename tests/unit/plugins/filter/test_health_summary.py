"""The table of health checks."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.health_summary import FilterModule

health_summary = FilterModule().filters()["health_summary"]

API = {
    "name": "api",
    "type": "http",
    "target": "https://api.example.com/health",
    "ok": True,
    "state": "passed",
    "latency_ms": 42.4,
    "tries": 1,
    "expected": "200",
    "seen": "200",
}
DB = {
    **API,
    "name": "database",
    "type": "tcp",
    "target": "203.0.113.5:5432",
    "ok": False,
    "state": "failed",
    "latency_ms": 1034.6,
    "tries": 12,
    "seen": "no answer\nwithin 5 s",
}
TABLE = """\
name      type  target                          state     ms  tries  seen
api       http  https://api.example.com/health  passed    42      1  200
database  tcp   203.0.113.5:5432                failed  1035     12  no answer within 5 s
1 passed, 1 failed"""


def test_a_list_becomes_a_table():
    assert health_summary([API, DB]) == TABLE


def test_lists_of_several_hosts_become_one_table():
    assert health_summary([[API], [[DB]]]) == TABLE
    assert health_summary(iter([[API, DB]])) == TABLE


def test_no_checks():
    assert health_summary([]) == "0 passed, 0 failed"


@pytest.mark.parametrize(
    ("target", "seen"), [("t" * 200, "s" * 200), ("t" * 200, "s"), ("t", "s" * 200)]
)
def test_long_lines_are_cut_at_120_columns(target, seen):
    lines = health_summary([{**API, "name": "n" * 99, "target": target, "seen": seen}]).splitlines()

    assert 117 <= max(map(len, lines)) <= 120
    assert "n" * 29 + "…  http" in lines[1]
    assert ("t…" in lines[1]) == (len(target) > 1)
    assert lines[1].endswith("s…" if len(seen) > 1 else "s")


def test_a_short_target_leaves_its_room_to_what_was_seen():
    line = health_summary([{**API, "target": "h:1", "seen": "s" * 70}]).splitlines()[1]

    assert line.endswith("s" * 70)


@pytest.mark.parametrize(
    ("results", "kind"),
    [({"checks": []}, "dict"), ("checks", "str"), (None, "NoneType"), ([1], "int")],
)
def test_anything_else_is_refused(results, kind):
    with pytest.raises(AnsibleFilterError) as caught:
        health_summary(results)
    assert str(caught.value) == (
        f"health_summary takes the checks of farol.vps.health_check, a list, not {kind}"
    )


def test_a_list_of_something_else_is_refused():
    with pytest.raises(AnsibleFilterError) as caught:
        health_summary([{"name": "api"}])
    assert str(caught.value) == (
        "health_summary takes the checks of farol.vps.health_check, and one has no 'type'"
    )


def test_hosts_are_shown_where_they_are_known():
    table = health_summary([{**API, "host": "vps-1", "seen_from": "outside"}, DB]).splitlines()

    assert table[0].startswith("host   from     name      type")
    assert table[1].startswith("vps-1  outside  api       http")
    assert table[2].startswith("                database  tcp")
