# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every alert fires where it has to and stays silent where it must, as promtool evaluates it, in the words given here.

Versions without keep_firing_for get other expressions. Both kinds of files are tested.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import prometheus_tools
import pytest
import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_files import rule_files
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import RUNBOOKS
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_thresholds import DEFAULTS

PROJECT = Path(__file__).resolve().parents[3]
# Everything is text in them: 0x20 is a series here and no number.
CASES = {
    alert: kinds
    for path in sorted(Path(__file__).parent.glob("cases/*.yml"))
    for alert, kinds in yaml.load(path.read_text(), yaml.BaseLoader).items()
}
HOSTS = [
    {
        "name": "web1",
        "host": "web1",
        "backup": True,
        "apps": [
            {
                "name": "api",
                "slo": {"availability": 99.9, "latency": {"seconds": 1, "share": 95}},
            },
            {"name": "shop", "alerts": {"error_rate": 1, "container_restarts": None}},
        ],
        "redis": [
            {
                "name": "queue",
                "port": 6380,
                "queues": [{"key": "celery", "length": 50}, {"key": "mail"}],
            },
            {"name": "small", "port": 6381, "maxclients": 100},
        ],
    }
]
VERSIONS = ("2.31.2", "2.42.0")
# It is always on: that is what it is for.
NEVER_SILENT = {"Watchdog"}


@cache
def groups(version: str) -> list[dict]:
    files = rule_files(HOSTS, {"prometheus": version})
    return [group for file in files.values() for group in file["groups"]]


def alerts(version: str = "2.31.2") -> list[dict]:
    return [rule for group in groups(version) for rule in group["rules"] if "alert" in rule]


def only(alert: str, version: str) -> dict:
    """The rules of one alert, and the recording rules it may need: promtool evaluates all it is given."""
    found = []
    for group in groups(version):
        rules = [r for r in group["rules"] if r.get("alert") == alert]
        # The budget of 30 days is no alert's business, and slow.
        if group["name"].startswith("farol-slo") and not group["name"].endswith("budget"):
            rules = [r for r in group["rules"] if "record" in r] + rules
        if any("alert" in r for r in rules) or alert.startswith("Slo"):
            found.append({**group, "rules": rules})
    return {"groups": [group for group in found if group["rules"]]}


def as_test(case: dict, alert: str) -> dict:
    severity = next(r["labels"]["severity"] for r in alerts() if r["alert"] == alert)
    expected = [
        {
            "exp_labels": {"severity": severity, **told["labels"]},
            "exp_annotations": {
                "summary": told["summary"],
                "value": told["value"],
                "runbook_url": f"{RUNBOOKS}#{alert.lower()}",
            },
        }
        for told in case.get("told", [])
    ]
    every = case.get("every", "15s")
    return {
        "interval": every,
        "input_series": [
            {"series": name, "values": str(values)} for name, values in case["series"].items()
        ],
        "alert_rule_test": [{"alertname": alert, "eval_time": case["at"], "exp_alerts": expected}],
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("alert", sorted(CASES))
def test_alert(alert, version, tmp_path):
    """A case may say what is told, and with every how far apart evaluations are."""
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(only(alert, version), sort_keys=False))
    cases = [*CASES[alert]["fires"], *CASES[alert].get("silent", [])]
    for every in sorted({case.get("every", "15s") for case in cases}):
        tests = [as_test(case, alert) for case in cases if case.get("every", "15s") == every]
        path = tmp_path / f"{every}.yml"
        document = {
            "rule_files": [str(rules)],
            "evaluation_interval": every,
            "group_eval_order": [g["name"] for g in only(alert, version)["groups"]],
            "tests": tests,
        }
        path.write_text(yaml.safe_dump(document))
        code, said = prometheus_tools.run("promtool", "test", "rules", path)
        assert code == 0, said


@pytest.mark.parametrize("version", VERSIONS)
def test_promtool_takes_the_files(version, tmp_path):
    for name, content in rule_files(HOSTS, {"prometheus": version}).items():
        path = tmp_path / f"{name}.yml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        code, said = prometheus_tools.run("promtool", "check", "rules", path)
        assert code == 0, said


def test_no_alert_lacks_a_case_that_fires_and_one_that_does_not():
    names = {rule["alert"] for rule in alerts()}
    assert set(CASES) == names
    assert [n for n in sorted(names) if not any(c.get("told") for c in CASES[n]["fires"])] == []
    assert [n for n in sorted(names - NEVER_SILENT) if not CASES[n].get("silent")] == []


def test_a_key_of_redis_is_no_pattern(tmp_path):
    queues = [{"key": "a.b*", "length": 5}, {"key": "c-d", "length": 6}]
    host = {"host": "web1", "redis": [{"name": "queue", "port": 1, "queues": queues}]}
    rules = [r for g in rule_files([host])["alerts"]["groups"] for r in g["rules"]]
    [rule] = [rule for rule in rules if rule["alert"] == "QueueBacklog"]
    assert 'key=~"a\\\\.b\\\\*"' in rule["expr"]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": [rule]}]}))
    code, said = prometheus_tools.run("promtool", "check", "rules", path)
    assert code == 0, said


def metrics(case: dict) -> set[str]:
    return {re.match(r"\w+", series)[0] for series in case["series"]}


@pytest.mark.parametrize("alert", sorted(set(CASES) - NEVER_SILENT))
def test_a_silent_case_has_figures_that_the_alert_looks_at(alert):
    fires = set().union(*map(metrics, CASES[alert]["fires"]))
    for case in CASES[alert]["silent"]:
        assert metrics(case) & fires
        assert not case.get("told")


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_how_much_and_what_to_do(rule):
    assert rule["labels"]["severity"] in ("critical", "warning", "info", "none")
    assert set(rule["annotations"]) == {"summary", "value", "runbook_url"}
    assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")
    # No alert but these is about everything at once.
    named = "$labels." in rule["annotations"]["summary"]
    assert named or rule["alert"] in NEVER_SILENT


def test_every_alert_has_its_section_and_no_section_is_left_over():
    page = (PROJECT / "docs/alerts.md").read_text()
    sections = re.findall(r"^### (\w+)$(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert {name for name, _body in sections} == {rule["alert"] for rule in alerts()}
    for name, body in sections:
        for part in ("**Means**", "**Look**", "**Mend**"):
            assert part in body, f"{name}: {part} is missing"


@pytest.mark.parametrize("key", sorted(DEFAULTS))
def test_a_threshold_changes_a_rule_and_null_takes_it_out(key):
    def texts(**thresholds):
        made = rule_files(HOSTS, {"thresholds": thresholds})
        return [
            (rule["alert"], rule["expr"], rule.get("for"))
            for file in made.values()
            for group in file["groups"]
            for rule in group["rules"]
            if "alert" in rule
        ]

    usual = texts()
    assert len(texts(**{key: 77})) == len(usual)
    assert texts(**{key: 77}) != usual
    assert texts(**{key: None}) != usual


@pytest.mark.parametrize(
    ("version", "kept"), [("2.31.2", False), ("2.41", False), ("2.42.0", True), ("3.1", True)]
)
def test_older_versions_know_no_keep_firing_for(version, kept):
    assert any("keep_firing_for" in rule for rule in alerts(version)) is kept
    assert any("ALERTS{" in rule["expr"] for rule in alerts(version)) is not kept
