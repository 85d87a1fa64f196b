# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load tests: scenarios from entries, and what counts as worse."""

from __future__ import annotations

import copy

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.load_compare import load_compare
from ansible_collections.farol.vps.plugins.filter.load_scenarios import load_scenarios
from ansible_collections.farol.vps.plugins.filter.load_table import FilterModule

load_table = FilterModule().filters()["load_table"]

API = {
    "name": "api",
    "domain": "api.example.com",
    "load_test": {
        "paths": [
            {"path": "/", "weight": 3},
            {"path": "/webhooks/shop", "method": "POST", "body": {"secret": 1}, "status": [202]},
        ],
        "requests_per_second": 100,
        "seconds": 10,
        "max_failed_percent": 0.5,
        "drain": {"command": "count-jobs"},
    },
}


def scenario(**changed):
    entry = {**API, "load_test": {**API["load_test"], **changed}}
    return load_scenarios([{"name": "other"}, entry], "203.0.113.5", "/ca.pem")[0]


def figures(p95=100.0, failed=0, rate=100.0):
    one = {
        "requests": 1000,
        "failed": failed,
        "requests_per_second": rate,
        "p50_ms": 40.0,
        "p95_ms": p95,
        "p99_ms": 200.0,
    }
    errors = {"GET /: status 502": failed} if failed else {}
    return {"total": {**one}, "paths": {"GET /": {**one}}, "errors": errors}


def stored(**options):
    return load_compare(figures(), scenario(**options))["stored"]


def test_a_scenario_has_the_options_of_the_module():
    found = scenario()

    assert found["options"] == {
        "url": "https://api.example.com",
        "address": "203.0.113.5",
        "ca_file": "/ca.pem",
        "paths": API["load_test"]["paths"],
        "requests_per_second": 100,
        "seconds": 10,
    }
    assert (found["max_failed_percent"], found["drain"]) == (0.5, {"command": "count-jobs"})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"path": "/"}, "api: load_test.path: unknown; did you mean paths?"),
        ({"paths": []}, "api: load_test.paths: names no path"),
        ({"paths": [{"path": "x"}]}, "api: load_test.paths[0].path: 'x' is no path; begin with /"),
        ({"paths": [{"path": "/", "weight": 0}]}, "api: load_test.paths[0].weight: 0 is never"),
        ({"requests_per_second": 0}, "api: load_test.requests_per_second: 0 is no number above 0"),
        ({"seconds": "x"}, "api: load_test.seconds: "),
        ({"max_failed_percent": -1}, "api: load_test.max_failed_percent: -1 is no number"),
        ({"drain": {"timeout": 3}}, "api: load_test.drain.command: missing"),
    ],
)
def test_what_cannot_be_run_is_named(changed, said):
    with pytest.raises(AnsibleFilterError) as caught:
        scenario(**changed)
    assert str(caught.value).startswith(said)


def test_no_dictionary_is_named():
    with pytest.raises(AnsibleFilterError, match="api: load_test: expected a dictionary"):
        load_scenarios([{**API, "load_test": ["/"]}])


def test_the_first_run_compares_with_nothing_and_can_be_stored():
    verdict = load_compare(figures(), scenario(), {}, when="now")

    assert verdict["faults"] == [] and verdict["compared"] is False
    assert verdict["stored"]["figures"] == figures() and verdict["stored"]["when"] == "now"
    assert "secret" not in str(verdict["stored"])


def test_within_the_margin_is_no_fault():
    verdict = load_compare(figures(p95=120.0), scenario(), stored())

    assert verdict["faults"] == [] and verdict["compared"] is True


def test_beyond_the_margin_is_a_named_fault_for_each_place():
    verdict = load_compare(figures(p95=121.0), scenario(), stored(), 20, host="vps-1")

    assert verdict["faults"] == [
        f"load_test.regression: api on vps-1: {place}: p95 is 121 ms, over 120 ms "
        "(stored 100 ms, margin 20 %)"
        for place in ("all", "GET /")
    ]
    assert load_compare(figures(p95=121.0), scenario(), stored(), 30)["faults"] == []


def test_a_few_milliseconds_are_noise():
    before = copy.deepcopy(stored())
    for place in (before["figures"]["total"], before["figures"]["paths"]["GET /"]):
        place.update(p50_ms=2.0, p95_ms=3.0, p99_ms=4.0)
    now = figures(p95=12.0)
    for place in (now["total"], now["paths"]["GET /"]):
        place.update(p50_ms=11.0, p99_ms=14.0)

    assert load_compare(now, scenario(), before)["faults"] == []


def test_a_percentile_of_few_requests_is_noise():
    before = copy.deepcopy(stored())
    before["figures"]["paths"]["GET /"]["requests"] = 99

    (fault,) = load_compare(figures(p95=900.0), scenario(), before)["faults"]
    assert "api: all: p95" in fault


def test_failures_beyond_what_is_allowed_are_told_with_their_reasons():
    assert load_compare(figures(failed=5), scenario())["faults"] == []
    (fault,) = load_compare(figures(failed=6), scenario())["faults"]

    assert fault == (
        "load_test.failures: api: 6 of 1000 requests failed (0.60 %, allowed 0.5 %): 6 times GET /: status 502"
    )


def test_a_rate_that_was_not_reached_is_a_fault():
    (fault,) = load_compare(figures(rate=89.0), scenario())["faults"]

    assert fault.startswith("load_test.rate: api: 89 of 100 requests/s were sent")


@pytest.mark.parametrize("changed", [{"requests_per_second": 50}, {"paths": [{"path": "/other"}]}])
def test_figures_of_another_load_are_not_compared(changed):
    verdict = load_compare(figures(p95=900.0), scenario(), stored(**changed))

    assert [fault.split(":")[0] for fault in verdict["faults"]] == ["load_test.baseline"]
    assert verdict["compared"] is False


def drain(rc=0, delta="0:01:05.500000", **more):
    return {"rc": rc, "delta": delta, **more}


def test_a_queue_that_takes_longer_to_drain_is_a_regression():
    before = load_compare(figures(), scenario(), drain=drain())["stored"]
    assert before["figures"]["drain_seconds"] == 65.5

    assert (
        load_compare(figures(), scenario(), before, drain=drain(delta="0:01:18.6"))["faults"] == []
    )
    (fault,) = load_compare(figures(), scenario(), before, drain=drain(delta="0:01:18.7"))["faults"]
    assert fault.startswith(
        "load_test.regression: api: the queue took 78.7 s to drain, over 78.6 s"
    )


def test_a_queue_that_does_not_drain_is_a_fault():
    waited = drain(124, "0:01:00.0", stderr="sh: count-jobs: not found")
    (fault,) = load_compare(figures(), scenario(), drain=waited, host="vps-1")["faults"]

    assert fault == (
        "load_test.drain: api on vps-1: the queue was not empty after 60 s; "
        "the command said: sh: count-jobs: not found"
    )


def test_a_command_that_was_skipped_says_nothing_of_the_queue():
    verdict = load_compare(figures(), scenario(), drain={"skipped": True})

    assert verdict["faults"] == [] and "drain_seconds" not in verdict["stored"]["figures"]


def test_the_table_shows_the_change():
    verdict = load_compare(figures(p95=90.0), scenario(), stored())

    assert load_table([verdict]) == (
        "application  what   requests  failed  per second     p50 ms      p95 ms      p99 ms\n"
        "api          all        1000       0       100.0  40 (+0 %)  90 (-10 %)  200 (+0 %)\n"
        "api          GET /      1000       0       100.0  40 (+0 %)  90 (-10 %)  200 (+0 %)"
    )
