# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module and pydo against a server that refuses what DigitalOcean's description of its API does not allow."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.farol.vps.plugins.module_utils import _digitalocean
from ansible_collections.farol.vps.plugins.modules import digitalocean_monitoring
from cloud_api import TOKEN, certificate
from digitalocean_api import DigitalOcean

WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"
CPU = {"name": "cpu high", "metric": "cpu", "threshold": 90}
API = {
    "name": "api",
    "target": "https://api.example.com/health",
    "down": {},
    "latency": {"threshold": 1000},
    "certificate": {},
}


@pytest.fixture
def api(tmp_path, monkeypatch):
    server = DigitalOcean(tls=tmp_path)
    server.naps = []
    monkeypatch.setattr(_digitalocean.Api.__init__, "__defaults__", (server.naps.append, 5))
    yield server
    server.close()


@pytest.fixture
def call(api, tmp_path, capsys):
    def run(check=False, **options):
        given = {
            "token": TOKEN,
            "endpoint": api.address,
            "ca_file": str(certificate(tmp_path)),
            "email": ["ops@example.com"],
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **options,
        }
        with patch_module_args(given), pytest.raises(SystemExit):
            digitalocean_monitoring.main()
        printed = capsys.readouterr().out
        assert TOKEN not in printed and "very-secret" not in printed
        return json.loads(printed)

    return run


def every(metrics=("cpu", "memory", "disk", "load_1", "load_5", "load_15")):
    return [{"name": metric, "metric": metric, "threshold": 8} for metric in metrics]


def test_creates_every_kind_and_then_changes_nothing(api, call):
    wanted = {"alert_policies": every(), "uptime_checks": [API]}
    first = call(**wanted)
    assert first["changed"], first
    assert api.violations == []
    assert [policy["type"].rpartition("/")[2] for policy in api.policies] == [
        "cpu",
        "memory_utilization_percent",
        "disk_utilization_percent",
        "load_1",
        "load_5",
        "load_15",
    ]
    (check,) = api.checks
    assert [
        (alert["type"], alert["threshold"], alert.get("period"))
        for alert in api.alerts[check["id"]]
    ] == [("down", 1, "2m"), ("latency", 1000, "5m"), ("ssl_expiry", 14, None)]
    assert first["uptime_checks"] == {"api": check["id"]}
    assert len(first["alert_policies"]) == 6

    before = api.changes()
    second = call(**wanted)
    assert not second["changed"], second["diff"]
    assert second["uptime_checks"] == first["uptime_checks"]
    assert second["alert_policies"] == first["alert_policies"]
    assert api.changes() == before


def test_check_mode_foretells_the_run_and_asks_nothing_but_questions(api, call):
    wanted = {"alert_policies": [CPU], "uptime_checks": [API]}
    foretold = call(check=True, **wanted)
    assert api.changes() == []
    done = call(**wanted)
    assert (foretold["done"], foretold["diff"]) == (done["done"], done["diff"])
    assert not call(check=True, **wanted)["changed"]


def test_updates_what_differs_and_only_that(api, call):
    call(alert_policies=[CPU, {**CPU, "name": "other"}], uptime_checks=[API])
    policy, check = api.policies[0]["uuid"], api.checks[0]["id"]
    changed = {**API, "regions": ["se_asia"], "latency": {"threshold": 2500}}
    result = call(
        alert_policies=[{**CPU, "threshold": 75.5}, {**CPU, "name": "other"}],
        uptime_checks=[changed],
    )
    assert result["done"] == [
        "update alert policy 'cpu high'",
        "update uptime check 'api'",
        "update uptime check 'api': alert 'api: latency'",
    ]
    assert result["diff"]["before"]["alert policy 'cpu high'"] == {"value": 90.0}
    assert result["diff"]["after"]["alert policy 'cpu high'"] == {"value": 75.5}
    assert (api.policies[0]["uuid"], api.policies[0]["value"]) == (policy, 75.5)
    assert (api.checks[0]["id"], api.checks[0]["regions"]) == (check, ["se_asia"])
    assert len(api.policies) == 2
    assert api.violations == []


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ({"metric": "memory"}, "type", "v1/insights/droplet/memory_utilization_percent"),
        ({"compare": "below"}, "compare", "LessThan"),
        ({"window": "1h"}, "window", "1h"),
        ({"enabled": False}, "enabled", False),
        ({"tags": ["web"]}, "tags", ["web"]),
        ({"droplets": ["42"]}, "entities", ["42"]),
        ({"email": ["dev@example.com"]}, "alerts", {"email": ["dev@example.com"], "slack": []}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_every_field_of_a_policy_is_updated(api, call, change, key, value):
    call(alert_policies=[CPU])
    assert call(alert_policies=[{**CPU, **change}])["changed"]
    assert api.policies[0][key] == value
    assert not call(alert_policies=[{**CPU, **change}])["changed"]


def test_the_order_of_lists_is_no_difference(api, call):
    policy = {**CPU, "tags": ["a", "b"], "droplets": ["1", "2"]}
    call(alert_policies=[policy], uptime_checks=[{**API, "regions": ["us_east", "eu_west"]}])
    policy = {**CPU, "tags": ["b", "a"], "droplets": ["2", "1"]}
    result = call(
        alert_policies=[policy], uptime_checks=[{**API, "regions": ["eu_west", "us_east"]}]
    )
    assert not result["changed"], result["diff"]


def test_names_of_droplets_become_ids(api, call):
    api.droplets += [{"id": 7, "name": "vps-1", "tags": []}, {"id": 8, "name": "vps-2", "tags": []}]
    call(alert_policies=[{**CPU, "droplets": ["vps-2", "99"]}])
    assert api.policies[0]["entities"] == ["8", "99"]
    refused = call(alert_policies=[{**CPU, "droplets": ["vps-3"]}])
    assert (
        "alert_policies 'cpu high': droplets: DigitalOcean has 0 Droplets named vps-3"
        in refused["msg"]
    )


def test_a_slack_webhook_is_sent_and_never_shown(api, call):
    slack = [{"channel": "#ops", "url": WEBHOOK}]
    call(alert_policies=[CPU], slack=slack)
    assert api.policies[0]["alerts"]["slack"] == slack
    result = call(alert_policies=[CPU], slack=[{"channel": "#ops", "url": WEBHOOK + "2"}])
    assert result["changed"]
    assert api.policies[0]["alerts"]["slack"][0]["url"] == WEBHOOK + "2"
    # The one at DigitalOcean alone is a secret as well, and Ansible doesn't know it.
    result = call(alert_policies=[CPU], slack=[{"channel": "#ops", "url": "https://other.example"}])
    assert result["changed"]


def test_an_alert_that_is_no_longer_wanted_goes_and_one_by_hand_stays(api, call):
    call(uptime_checks=[API])
    alerts = api.alerts[api.checks[0]["id"]]
    alerts.append({**alerts[0], "id": "by-hand", "name": "mine"})
    result = call(uptime_checks=[{key: API[key] for key in ("name", "target", "down")}])
    assert result["done"] == [
        "remove uptime check 'api': alert 'api: latency'",
        "remove uptime check 'api': alert 'api: certificate'",
    ]
    assert [alert["name"] for alert in alerts] == ["api: down", "mine"]
    call(uptime_checks=[{key: API[key] for key in ("name", "target", "down")}], purge=True)
    assert [alert["name"] for alert in alerts] == ["api: down"]


def test_down_everywhere(api, call):
    call(uptime_checks=[{**API, "down": {"everywhere": True, "period": "10m"}}])
    alert = api.alerts[api.checks[0]["id"]][0]
    assert (alert["type"], alert["period"]) == ("down_global", "10m")


def test_purge_removes_what_is_not_listed_and_keeps_other_metrics(api, call):
    call(alert_policies=every(("cpu", "disk")), uptime_checks=[API, {**API, "name": "web"}])
    balancer = {"uuid": "lb", "description": "lb", "type": "v1/insights/lbaas/droplet_health"}
    api.policies.append({**api.policies[0], **balancer})
    kept = call(alert_policies=every(("cpu",)), uptime_checks=[API])
    assert not kept["changed"]
    result = call(alert_policies=every(("cpu",)), uptime_checks=[API], purge=True)
    assert result["done"] == ["remove alert policy 'disk'", "remove uptime check 'web'"]
    assert [policy["uuid"] for policy in api.policies][1:] == ["lb"]
    assert [check["name"] for check in api.checks] == ["api"]


def test_purge_leaves_alone_what_is_not_set(api, call):
    call(alert_policies=[CPU], uptime_checks=[API])
    assert not call(alert_policies=[CPU], purge=True)["changed"]
    assert len(api.checks) == 1
    assert call(uptime_checks=[], purge=True)["done"] == ["remove uptime check 'api'"]
    assert len(api.policies) == 1


def test_two_of_one_name_are_refused_and_purged(api, call):
    call(alert_policies=[CPU], uptime_checks=[API])
    api.policies.append({**api.policies[0], "uuid": "second"})
    api.checks.append({**api.checks[0], "id": "second"})
    api.alerts["second"] = []
    before = api.changes()
    refused = call(alert_policies=[CPU])
    assert refused["failed"]
    assert (
        "alert_policies 'cpu high': DigitalOcean has 2 of that name; remove all but one"
        in refused["msg"]
    )
    assert "uptime_checks 'api': DigitalOcean has 2" in call(uptime_checks=[API])["msg"]
    assert api.changes() == before
    call(alert_policies=[CPU], uptime_checks=[API], purge=True)
    assert [policy["uuid"] for policy in api.policies] != ["second"]
    assert (len(api.policies), len(api.checks)) == (1, 1)
    assert not call(alert_policies=[CPU], uptime_checks=[API])["changed"]


def test_all_pages_are_read(api, call):
    api.page_size = 2
    wanted = {
        "alert_policies": every(),
        "uptime_checks": [{**API, "name": f"c{i}"} for i in range(5)],
    }
    call(**wanted)
    result = call(**wanted)
    assert not result["changed"], result["done"]
    assert len(api.policies) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alert_policies": [{**CPU, "threshold": 120}]}, "threshold: 120 is out of range"),
        ({"alert_policies": [CPU, CPU]}, "2 are named 'cpu high'; rename all but one"),
        ({"alert_policies": [CPU], "email": []}, "email: nobody would be told"),
        ({"alert_policies": [{**CPU, "email": []}]}, "email: nobody would be told"),
        (
            {"uptime_checks": [{**API, "target": "api.example.com"}]},
            "certificate: a check of type ping",
        ),
        ({"uptime_checks": [{**API, "type": "http"}]}, "does not begin with http://"),
        ({"uptime_checks": [{**API, "type": "ping"}]}, "is an address for a browser"),
        ({"uptime_checks": [{**API, "regions": []}]}, "regions: is empty"),
        (
            {"uptime_checks": [{**API, "latency": {"threshold": 0}}]},
            "latency.threshold: 0 is no time",
        ),
        (
            {"uptime_checks": [{**API, "certificate": {"days": 0}}]},
            "certificate.days: 0 warns too late",
        ),
        ({"alert_policies": [{**CPU, "name": " "}]}, "name: is empty"),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(api, call, options, words):
    result = call(**options)
    assert result["failed"]
    assert words in result["msg"] and "nothing was changed" in result["msg"]
    assert api.calls == []


def test_a_field_that_digitalocean_refuses_is_named_with_its_words(api, call):
    result = call(alert_policies=[CPU, {**CPU, "name": "b", "email": ["new@example.com"]}])
    assert result["failed"]
    assert (
        "alert policy 'b': DigitalOcean refuses it with 422: email new@example.com is not verified"
        in result["msg"]
    )
    assert "(option email)" in result["msg"]
    assert "done before: create alert policy 'cpu high'" in result["msg"]
    api.verified.add("new@example.com")
    again = call(alert_policies=[CPU, {**CPU, "name": "b", "email": ["new@example.com"]}])
    assert again["done"] == ["create alert policy 'b'"]


def test_a_wrong_token(call):
    result = call(alert_policies=[CPU], token="another-token")
    assert (
        "alert policies: DigitalOcean refuses it with 401: Unable to authenticate you"
        in result["msg"]
    )
    assert "set token to one that is valid" in result["msg"]


def test_an_answer_of_404_that_pydo_takes_for_a_list(api, call):
    api.fail.append(("GET /v2/uptime/checks", 404, {}))
    result = call(uptime_checks=[API])
    assert "uptime checks: DigitalOcean refuses it with 404" in result["msg"]
    assert api.checks == []


def test_what_is_gone_already_counts_as_removed(api, call):
    call(alert_policies=every(("cpu", "disk")))
    api.fail.append(("DELETE /v2/monitoring", 404, {}))
    assert call(alert_policies=every(("cpu",)), purge=True)["changed"]


def test_too_many_requests_are_waited_for_as_long_as_they_say(api, call):
    api.fail += [
        ("POST /v2/monitoring", 429, {"Retry-After": "7"}),
        ("GET /v2/monitoring", 503, {}),
    ]
    assert call(alert_policies=[CPU])["changed"]
    assert api.naps == [1, 7.0]
    assert len(api.policies) == 1


def test_a_limit_that_lasts_is_said(api, call):
    api.fail += [("GET /v2/monitoring", 429, {})] * 5
    result = call(alert_policies=[CPU])
    assert "refuses it with 429" in result["msg"] and "hourly limit" in result["msg"]
    assert api.naps == [1, 2, 4, 8]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_creation_that_may_have_happened_is_not_repeated(api, call, status):
    api.fail.append(("POST /v2/monitoring", status, {}))
    result = call(alert_policies=[CPU])
    assert f"alert policy 'cpu high': DigitalOcean fails with {status}" in result["msg"]
    assert "it may have been created all the same" in result["msg"]
    assert len([change for change in api.changes() if change.startswith("POST")]) == 1


def test_a_run_that_ended_midway_is_completed(api, call):
    api.fail.append(("POST /v2/uptime/checks/", 500, {}))
    assert call(uptime_checks=[API])["failed"]
    result = call(uptime_checks=[API])
    assert len(result["done"]) == 3 and len(api.checks) == 1
    assert not call(uptime_checks=[API])["changed"]


def test_nobody_answers(api, call):
    api.close()
    result = call(alert_policies=[CPU])
    assert "alert policies: DigitalOcean does not answer" in result["msg"]


def test_something_else_answers(api, call, monkeypatch):
    for body in (None, {}, {"hello": "world"}, "hello", b"<html>Welcome</html>"):
        monkeypatch.setattr(DigitalOcean, "answer", lambda *_args, body=body: (200, {}, body))
        assert "none of DigitalOcean's API; correct endpoint" in call(alert_policies=[CPU])["msg"]


def test_a_proxy_fails_in_its_own_words(api, call, monkeypatch):
    page = b"<html>Bad gateway</html>"
    monkeypatch.setattr(DigitalOcean, "answer", lambda *_args: (502, {}, page))
    result = call(alert_policies=[CPU])
    assert (
        "alert policies: DigitalOcean fails with 502: nothing more; run this again later"
        in result["msg"]
    )


def test_a_token_is_not_sent_without_tls(api, call):
    result = call(alert_policies=[CPU], endpoint="http://127.0.0.1:1")
    assert "would send the token unencrypted" in result["msg"]


def test_a_missing_library_is_named(call, monkeypatch):
    monkeypatch.setattr(_digitalocean, "PYDO_ERROR", "ImportError: pydo")
    assert "pydo" in call(alert_policies=[CPU])["msg"]


def test_the_server_refuses_what_the_description_does_not_allow(api):
    """Else the other tests prove nothing."""

    def post(body):
        raw = json.dumps(body).encode()
        return api.answer("POST", "/v2/uptime/checks", {}, raw, f"Bearer {TOKEN}")[0]

    good = {
        "name": "x",
        "type": "https",
        "target": "https://x",
        "regions": ["us_east"],
        "enabled": True,
    }
    assert post(good) == 201
    assert [
        post(bad)
        for bad in ({**good, "colour": 1}, {**good, "type": "tcp"}, {**good, "regions": ["mars"]})
    ] == [422] * 3
    assert len(api.violations) == 3
