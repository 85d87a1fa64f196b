# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports of health checks: what is collected, and golden documents of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.health_collect import health_collect
from ansible_collections.farol.vps.plugins.filter.health_failed import health_failed
from ansible_collections.farol.vps.plugins.filter.health_junit import health_junit
from ansible_collections.farol.vps.plugins.filter.health_report import health_report

GOLDEN = Path(__file__).parents[2] / "fixtures/report"
WHEN = "2026-11-25T09:00:00Z"
HOUR = 3600

API = {
    "name": "api",
    "type": "http",
    "target": "https://api.example.com/health at 203.0.113.5",
    "expected": "200",
    "seen": "200",
    "ok": True,
    "state": "passed",
    "latency_ms": 42.4,
    "tries": 1,
}
EVIL = {
    **API,
    "name": "shop",
    "seen": 'Server: "<script>alert(1)</script>" & \x1b[31m\x00 ]]>',
    "ok": False,
    "state": "failed",
    "latency_ms": 10004.0,
    "tries": 39,
}


def checks():
    outside = [{**API, "host": "vps-1", "seen_from": "outside"}]
    return [*outside, {**EVIL, "host": "vps-2", "seen_from": "outside"}]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("junit.xml", lambda: health_junit(checks(), when=WHEN)),
        ("report.html", lambda: health_report(checks(), title="Production <all>", when=WHEN)),
    ],
)
def test_the_document_is_the_golden_one(name, made):
    assert made() == (GOLDEN / name).read_text(encoding="utf-8")


def test_junit_is_xml_whatever_a_server_answered():
    root = ElementTree.fromstring(health_junit(checks()).encode())

    assert root.attrib["tests"] == "2" and root.attrib["failures"] == "1"
    suites = {suite.attrib["name"]: suite for suite in root}
    assert set(suites) == {"vps-1", "vps-2"}
    assert suites["vps-1"].find("testcase/failure") is None
    failure = suites["vps-2"].find("testcase/failure")
    assert "<script>alert(1)</script>" in failure.text and "tries: 39" in failure.text
    assert failure.attrib["message"].startswith("expected 200; seen Server")


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_runs_nothing_and_loads_nothing():
    page = Page()
    page.feed(health_report(checks(), title="<script>x</script>", when="<img src=x>"))

    assert not {"script", "img", "link", "iframe"} & set(page.tags) and not page.links
    assert not re.search(r"url\(|@import", health_report(checks()))
    assert any("<script>alert(1)</script>" in text for text in page.texts)


def test_failed_ones_come_first_on_the_page():
    page = health_report(checks())

    assert page.index("<caption>Failed</caption>") < page.index("vps-1: 1 of 1 passed")
    assert "1 passed, 1 failed" in page
    assert "<caption>Failed" not in health_report(checks()[:1])


def test_failed_ones_of_several_lists():
    assert [check["name"] for check in health_failed([[API], [[EVIL]]])] == ["shop"]
    assert health_failed([]) == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("health_failed", health_failed),
        ("health_junit", health_junit),
        ("health_report", health_report),
    ],
)
def test_what_is_no_list_of_checks_is_refused(name, asked):
    with pytest.raises(AnsibleFilterError, match=f"^{name} takes the checks.*not str$"):
        asked("x")
    with pytest.raises(AnsibleFilterError, match="one has no 'type'"):
        asked([{"name": "x"}])


def collect(**registered):
    tasks = {name: name for name in ("outside", "host", "backups")}
    variables = {"vps-1": {"ansible_host": "203.0.113.5", **registered}}
    return health_collect(["vps-1"], variables, tasks, 26 * HOUR)


def test_results_get_their_host_and_from_where_they_were_seen():
    found = collect(outside={"checks": [API]}, host={"skipped": True, "skip_reason": "x"})

    assert found == [{**API, "host": "vps-1", "seen_from": "outside"}]


def test_a_host_that_was_not_reached_is_one_failed_check():
    away = {"unreachable": True, "msg": "Connection timed out"}
    (found,) = collect(host=away, backups=away)

    assert (found["name"], found["target"], found["seen"], found["state"]) == (
        "login",
        "203.0.113.5",
        "Connection timed out",
        "failed",
    )


def test_a_host_that_lets_in_has_that_check_even_where_there_is_nothing_else():
    (found,) = collect(outside={"skipped": True}, host={"checks": []})

    assert (found["name"], found["state"]) == ("login", "passed")


def test_a_task_that_broke_is_a_failed_check_and_the_others_count():
    found = collect(outside={"checks": [API]}, host={"msg": "check db: no such option"})

    assert [check["state"] for check in found] == ["passed", "failed"]
    assert found[1]["seen"] == "check db: no such option" and found[1]["seen_from"] == "host"


def test_silence_is_no_success():
    (found,) = collect(outside={"skipped": True})

    assert found["state"] == "failed" and found["seen"] == "nothing was checked"


def about(**changed):
    state = {"newest": {"age": 2 * HOUR}, "last_error": "", "drill_ok": None, "drill_error": ""}
    return {**state, **changed}


@pytest.mark.parametrize(
    ("state", "ok", "seen"),
    [
        (about(), True, "2.0 h old"),
        (about(newest={"age": 27 * HOUR}, last_error="disk full"), False, "27.0 h old (disk full)"),
        (about(newest=None), False, "none"),
        (
            about(drill_ok=False, drill_error="no table"),
            False,
            "2.0 h old; its restore drill failed: no table",
        ),
        (about(drill_ok=True, last_error="retrying"), True, "2.0 h old (retrying)"),
    ],
)
def test_backups_are_judged_by_age_and_drill(state, ok, seen):
    (found,) = collect(backups={"sources": {"main": {"spaces": state}}, "faults": []})

    assert (found["ok"], found["seen"], found["target"]) == (ok, seen, "spaces")
    assert found["expected"] == "a whole backup of the last 26 h"


def test_a_storage_that_does_not_answer_is_a_failed_check():
    (found,) = collect(backups={"sources": {}, "faults": ["spaces: access denied"]})

    assert found["state"] == "failed" and found["seen"] == "spaces: access denied"
