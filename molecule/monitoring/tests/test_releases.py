"""A release is quiet, and only that, and only while it lasts."""

from __future__ import annotations

import json
import threading

from conftest import scenario_hosts
from watch import until

ONLY = "trixie"
WATCHING = "monitoring-noble"


def silences(lab) -> list[dict]:
    """Those of releases on this host, on the host that watches it."""
    watching = next(each for each in scenario_hosts(lab.inventory) if each.name == WATCHING).login()
    command = (
        "amtool --alertmanager.url http://127.0.0.1:9093 silence query --created-by farol -o json"
    )
    asked = [f"{command} {which}" for which in ("", "--expired --within 1h")]
    found = [each for one in asked for each in json.loads(watching.run(one).stdout or "[]")]
    return [each for each in found if each["comment"] == f"release on {lab.name}"]


def test_a_deploy_silences_its_own_application_on_its_own_host_until_it_is_over(lab):
    done = []
    arguments = ("-e", "app=api", "-e", "version=1.0.1", "-e", "app_bake_seconds=3")
    deploy = threading.Thread(
        target=lambda: done.append(lab.playbook("playbooks/deploy.yml", *arguments))
    )
    deploy.start()
    try:
        seen = until(lambda: silences(lab), 120, "a silence")
        assert seen[0]["status"]["state"] == "active"
        assert {(m["name"], m["value"], m["isRegex"]) for m in seen[0]["matchers"]} == {
            ("host", lab.name, False),
            ("app", "api", False),
        }
    finally:
        deploy.join()
    assert done[0].returncode == 0, done[0].stdout + done[0].stderr
    assert [each["status"]["state"] for each in silences(lab)] == ["expired"]


def test_a_rollback_is_as_quiet(lab):
    before = len(silences(lab))
    done = lab.playbook("playbooks/rollback.yml", "-e", "app=api", "-e", "app_bake_seconds=3")
    assert done.returncode == 0, done.stdout + done.stderr
    after = silences(lab)
    assert len(after) == before + 1
    assert {each["status"]["state"] for each in after} == {"expired"}
