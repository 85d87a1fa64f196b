# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is told of what, as amtool reads it; and where secrets end up."""

from __future__ import annotations

import json
from pathlib import Path

import prometheus_tools
import pytest
import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_alertmanager import (
    alertmanager_config,
    alertmanager_faults,
    alertmanager_secrets,
    numbers,
    routes,
    seconds,
)

PROJECT = Path(__file__).resolve().parents[4]
TMPL = PROJECT / "roles/monitoring/templates/tmpl"
VERSIONS = ("0.23.0", "0.25.0", "0.26.0", "0.28.1")
SECRETS = {
    "slack": "https://hooks.slack.example/services/T/B/slack-secret",
    "telegram": "123456:telegram-secret",
    "email": "email-secret",
    "webhook": "https://example.com/webhook-secret",
    "dead_man": "https://example.com/dead-man-secret",
}
ALL = {
    "slack_webhook_url": SECRETS["slack"],
    "slack_channel": "#ops",
    "telegram_token": SECRETS["telegram"],
    "telegram_chat_id": -1001234,
    "email": {
        "to": ["one@example.com", "two@example.com"],
        "from": "farol@example.com",
        "smarthost": "mail.example.com:587",
        "username": "farol",
        "password": SECRETS["email"],
    },
    "webhooks": [{"name": "ops", "url": SECRETS["webhook"]}],
    "dead_man_url": SECRETS["dead_man"],
    "templates": str(TMPL / "*.tmpl"),
}


def settings(version, **changes):
    """All that a version can do."""
    own = {**ALL, **changes}
    if version.startswith("0.23"):
        own.pop("telegram_token")
    return own


def config(version="0.26.0", **changes):
    return alertmanager_config(settings(version, **changes), version)


def known(version):
    """The tool knows what its own version does, and no more."""
    _code, said = prometheus_tools.run("amtool", "--version")
    return min(version, said.split()[2], key=numbers)


def receiver(name, made):
    return next(each for each in made["receivers"] if each["name"] == name)


@pytest.mark.parametrize("version", VERSIONS)
def test_amtool_takes_the_configuration(version, tmp_path):
    version = known(version)
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config(version)))
    code, said = prometheus_tools.run("amtool", "check-config", path)
    assert code == 0, said


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["alertname=DiskFull", "severity=critical"], "critical"),
        (["alertname=DiskFull", "severity=warning"], "warning"),
        (["alertname=RebootRequired", "severity=info"], "info"),
        (["alertname=Watchdog", "severity=none"], "dead-man"),
        (["alertname=OfOnesOwn"], "warning"),
    ],
)
def test_amtool_says_who_is_told(labels, told, tmp_path):
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config(known("0.28.1"))))
    code, said = prometheus_tools.run(
        "amtool", "config", "routes", "test", f"--config.file={path}", *labels
    )
    assert (code, said.splitlines()[0]) == (0, told)


def test_by_default_nobody_is_told_of_what_can_wait():
    everybody = ["slack", "telegram", "email", "ops"]
    assert routes(ALL) == {"critical": everybody, "warning": everybody, "info": []}
    made = config()
    assert set(receiver("critical", made)) == {
        "name",
        "slack_configs",
        "telegram_configs",
        "email_configs",
        "webhook_configs",
    }
    assert receiver("info", made) == {"name": "info"}


def test_a_route_names_channels():
    made = config(route={"critical": ["telegram", "ops"], "info": ["email"]})
    assert set(receiver("critical", made)) == {"name", "telegram_configs", "webhook_configs"}
    assert set(receiver("info", made)) == {"name", "email_configs"}
    assert len(receiver("warning", made)) == 5


@pytest.mark.parametrize("version", ["0.26.0", "0.28.1"])
def test_from_0_26_on_no_secret_is_in_the_configuration(version):
    text = json.dumps(config(version))
    assert [secret for secret in SECRETS.values() if secret in text] == []
    files = alertmanager_secrets(settings(version), version)
    assert files == {
        "slack_url": SECRETS["slack"],
        "telegram_token": SECRETS["telegram"],
        "smtp_password": SECRETS["email"],
        "webhook_ops": SECRETS["webhook"],
        "dead_man_url": SECRETS["dead_man"],
    }
    for name in files:
        assert f"/etc/prometheus/farol/secrets/{name}" in text


@pytest.mark.parametrize(
    ("version", "inside"),
    [
        ("0.23.0", {"email", "webhook", "dead_man"}),
        ("0.25.0", {"telegram", "webhook", "dead_man"}),
    ],
)
def test_what_an_older_version_reads_from_no_file_is_in_the_configuration(version, inside):
    text = json.dumps(config(version))
    assert {name for name, secret in SECRETS.items() if secret in text} == inside
    files = alertmanager_secrets(settings(version), version)
    assert set(files.values()).isdisjoint(SECRETS[name] for name in inside)


def test_slack_can_be_reached_by_the_token_of_an_application():
    [slack] = receiver("critical", config(slack_token="xoxb-1"))["slack_configs"]
    assert slack["api_url"] == "https://slack.com/api/chat.postMessage"
    assert slack["http_config"]["authorization"] == {
        "credentials_file": "/etc/prometheus/farol/secrets/slack_token"
    }
    assert alertmanager_secrets({**ALL, "slack_token": "xoxb-1"}, "0.26")["slack_token"] == "xoxb-1"


def test_who_listens_for_the_watchdog_hears_it_at_every_interval():
    made = config(dead_man_interval="2m")
    watchdog = made["route"]["routes"][0]
    assert (watchdog["group_interval"], watchdog["repeat_interval"]) == ("2m", "60s")
    assert receiver("dead-man", made)["webhook_configs"][0]["send_resolved"] is False
    silent = config(dead_man_url=None)
    assert silent["route"]["routes"][0]["receiver"] == "nobody"
    assert receiver("nobody", silent) == {"name": "nobody"}


def test_a_host_that_is_down_silences_what_is_on_it_and_nothing_else():
    rule = config()["inhibit_rules"][0]
    assert rule["source_matchers"] == ['alertname="HostDown"']
    assert rule["equal"] == ["host"]
    assert "HostDown" in rule["target_matchers"][0]


@pytest.mark.parametrize(
    ("changes", "version", "fault"),
    [
        ({}, "0.26.0", None),
        (
            {},
            "0.23.0",
            "telegram_token: Alertmanager 0.23.0 of this distribution can't write to Telegram",
        ),
        ({"telegram_chat_id": "@ops"}, "0.26.0", "telegram_chat_id: needs the chat's number"),
        ({"email": {"to": ["a@b.c"]}}, "0.26.0", "email.from: missing"),
        ({"email": {**ALL["email"], "password": ""}}, "0.26.0", "email.password: missing"),
        (
            {"webhooks": [{"name": "slack", "url": "x"}]},
            "0.26.0",
            "webhooks: slack is the name of another channel",
        ),
        ({"webhooks": [{"name": "a b", "url": "x"}]}, "0.26.0", "webhooks: 'a b' is no name"),
        ({"webhooks": [{"name": "a", "url": "x"}] * 2}, "0.26.0", "webhooks: two are named a"),
        ({"route": {"critcal": []}}, "0.26.0", "route.critcal: unknown; did you mean critical?"),
        (
            {"route": {"info": ["telegran"]}},
            "0.26.0",
            "route.info: telegran is not set up; did you mean telegram?",
        ),
        ({"group_wait": "soon"}, "0.26.0", "group_wait: 'soon' is no time"),
    ],
)
def test_faults(changes, version, fault):
    found = alertmanager_faults({**ALL, **changes}, version)
    if fault is None:
        assert found == []
        return
    assert any(line.startswith(fault) for line in found), found
    assert not any(secret in line for line in found for secret in SECRETS.values())


@pytest.mark.parametrize(
    ("text", "count"), [("90s", 90), ("5m", 300), ("4h", 14400), ("1d", 86400), ("x", 60)]
)
def test_durations(text, count):
    assert seconds(text) == count


def alert(name="DiskFull", status="firing", severity="critical", **labels):
    return {
        "status": status,
        "labels": {"alertname": name, "severity": severity, "host": "web1", **labels},
        "annotations": {
            "summary": f"Disk {labels.get('mountpoint', '/')} on web1 is filling up",
            "value": "96.0 % used",
            "runbook_url": "https://example.org/alerts.md#diskfull",
        },
        "startsAt": "2026-01-02T03:04:05Z",
        "endsAt": "2026-01-02T04:05:06Z",
    }


def render(template, tmp_path, *alerts):
    common = {
        key: value
        for key, value in alerts[0]["labels"].items()
        if all(each["labels"].get(key) == value for each in alerts)
    }
    data = {
        "receiver": "critical",
        "status": "firing" if any(a["status"] == "firing" for a in alerts) else "resolved",
        "alerts": alerts,
        "groupLabels": {},
        "commonLabels": common,
        "commonAnnotations": {"runbook_url": alerts[0]["annotations"]["runbook_url"]},
        "externalURL": "https://example.org",
    }
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data))
    code, said = prometheus_tools.run(
        *("amtool", "template", "render", f"--template.glob={TMPL}/*.tmpl"),
        *(f"--template.data={path}", f'--template.text={{{{ template "{template}" . }}}}'),
    )
    assert code == 0, said
    return said


def test_one_alert_on_a_phone(tmp_path):
    assert render("farol.telegram.message", tmp_path, alert()).strip() == (
        "🔴 Disk / on web1 is filling up\n"
        "96.0 % used, since 03:04 UTC\n"
        "What to do: https://example.org/alerts.md#diskfull"
    )
    assert render("farol.title", tmp_path, alert(severity="warning")).startswith("🟡 Disk / on")
    assert render("farol.slack.text", tmp_path, alert()).strip() == (
        "96.0 % used, since 03:04 UTC\n<https://example.org/alerts.md#diskfull|What to do>"
    )


def test_the_end_of_it(tmp_path):
    over = alert(status="resolved")
    assert render("farol.telegram.message", tmp_path, over).strip() == (
        "✅ Over: Disk / on web1 is filling up\nfrom 03:04 to 04:05 UTC"
    )
    assert render("farol.color", tmp_path, over).strip() == "#2eb67d"
    assert render("farol.slack.text", tmp_path, over).strip() == "from 03:04 to 04:05 UTC"


def test_several_alerts_are_listed_and_many_are_cut_short(tmp_path):
    several = [alert(mountpoint=f"/srv/{'x' * 200}{number}") for number in range(40)]
    text = render("farol.telegram.message", tmp_path, *several)
    assert text.startswith("🔴 40 × DiskFull · web1")
    assert text.count("96.0 % used") == 8
    assert "and others" in text
    # What Telegram takes, and Slack shows without folding it away.
    assert len(text) < 4096
    assert len(render("farol.slack.text", tmp_path, *several)) < 3000


@pytest.mark.parametrize("template", ["farol.email.text", "farol.link"])
def test_the_rest_names_the_page(template, tmp_path):
    assert "https://example.org/alerts.md#diskfull" in render(template, tmp_path, alert())
