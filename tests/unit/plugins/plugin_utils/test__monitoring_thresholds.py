# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Thresholds of all and of single applications, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.filter.monitoring_faults import monitoring_faults
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import duration
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_thresholds import (
    by_app,
    merged,
)


def app(name="api", **keys):
    return {"name": name, **keys}


def test_those_without_own_thresholds_share_one_matcher():
    apps = [
        app("a"),
        app("b", alerts={"latency": 2}),
        app("c", alerts={"latency": 2}),
        app("d", alerts={"latency": 3}),
    ]
    assert by_app(apps, merged({}), "latency") == [
        (',app!~"b|c|d"', {"latency": 1}),
        (',app=~"b|c"', {"latency": 2}),
        (',app=~"d"', {"latency": 3}),
    ]


def test_what_is_set_for_another_alert_changes_nothing():
    assert by_app([app(alerts={"latency": 2})], merged({}), "error_rate") == [
        ("", {"error_rate": 5})
    ]


def test_none_leaves_an_application_or_all_of_them_out():
    assert by_app([app(alerts={"latency": None})], merged({}), "latency") == [
        (',app!~"api"', {"latency": 1})
    ]
    assert by_app([app()], merged({"latency": None}), "latency") == []


@pytest.mark.parametrize(
    ("thresholds", "fault"),
    [
        ({"disc": 80}, "monitoring_thresholds.disc: unknown; did you mean disk?"),
        ({"disk": "80"}, "monitoring_thresholds.disk: needs a number, or null for no alert"),
        ({"disk": True}, "monitoring_thresholds.disk: needs a number, or null for no alert"),
        (
            {"disk": -1},
            "monitoring_thresholds.disk: -1 is below 0 and would always alert; use a number above",
        ),
        (
            {"disk": 100},
            "monitoring_thresholds.disk: 100 is never exceeded by a share in per cent; use less than 100",
        ),
    ],
)
def test_faults_of_thresholds(thresholds, fault):
    assert monitoring_faults([], thresholds) == [fault]


def test_null_is_no_fault():
    assert monitoring_faults([], {"disk": None, "swap": 10.5}) == []


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"alerts": {"latancy": 1}}, "alerts.latancy: unknown; did you mean latency?"),
        ({"alerts": {"disk": 80}}, "alerts.disk: unknown"),
        ({"slo": {"availabilty": 99}}, "slo.availabilty: unknown; did you mean availability?"),
        ({"slo": {"availability": 100}}, "slo.availability: 100 is no share to hold to"),
        ({"slo": {"availability": "99"}}, "slo.availability: 99 is no share to hold to"),
        ({"slo": {"latency": {"seconds": 1}}}, "slo.latency: needs seconds and share"),
        (
            {"slo": {"latency": {"seconds": 3, "share": 95}}},
            "slo.latency.seconds: 3 is not measured; use one of 0.005",
        ),
        (
            {"slo": {"latency": {"seconds": 1, "share": 0}}},
            "slo.latency.share: 0 is no share to hold to",
        ),
    ],
)
def test_faults_of_applications(keys, fault):
    [found] = monitoring_faults([{"name": "web1", "apps": [app(**keys)]}])
    assert found.startswith(f"apps: api: {fault}")


def test_an_application_on_two_hosts_is_told_once():
    host = {"apps": [app(alerts={"x": 1})]}
    assert len(monitoring_faults([host, host])) == 1


def test_faults_of_channels_name_the_option():
    assert monitoring_faults([], settings={"route": {"info": ["slack"]}}) == [
        "monitoring_route.info: slack is not set up"
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (15, "15s"), (90, "90s"), (120, "2m"), (7200, "2h"), (86400, "1d")],
)
def test_durations_as_prometheus_writes_them(seconds, text):
    assert duration(seconds) == text
