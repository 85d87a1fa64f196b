"""What must not get into effect, and what must not take anything else down."""

from __future__ import annotations

import json
import time

import pytest
from watch import until

ONLY = "noble"
CONVERGE = "molecule/monitoring/converge.yml"
RULES = "/etc/prometheus/farol/rules"


def test_a_rule_that_does_not_parse_leaves_the_former_files_in_effect(lab, server, watcher):
    before = server.check_output(f"sha256sum {RULES}/alerts.yml /etc/prometheus/prometheus.yml")
    server.check_output(
        f"echo 'groups: [{{name: own, rules: [{{alert: Own, expr: \"up ==\"}}]}}]' >{RULES}/own.yml"
    )
    try:
        done = lab.playbook(
            CONVERGE, "--tags", "monitoring_configure", "-e", "monitoring_evaluation_interval=7"
        )
    finally:
        server.check_output(f"rm {RULES}/own.yml")
    assert done.returncode != 0
    assert "promtool" in done.stdout + done.stderr and "own.yml" in done.stdout + done.stderr
    assert (
        server.check_output(f"sha256sum {RULES}/alerts.yml /etc/prometheus/prometheus.yml")
        == before
    )
    assert watcher.value("prometheus_config_last_reload_successful") == 1


def test_a_threshold_that_means_nothing_is_refused_by_its_name(lab):
    given = '{"monitoring_thresholds": {"dsik": 90}}'
    done = lab.playbook(CONVERGE, "--tags", "monitoring_configure", "-e", given)
    assert done.returncode != 0
    assert "monitoring_thresholds.dsik" in done.stdout + done.stderr


def test_nobody_told_is_refused(lab):
    nobody = '{"monitoring_slack_webhook_url": "", "monitoring_telegram_token": "", "monitoring_webhooks": [], "monitoring_route": {}}'
    done = lab.playbook(CONVERGE, "--tags", "monitoring_configure", "-e", nobody)
    assert done.returncode != 0
    assert "nobody is told" in done.stdout + done.stderr


def test_a_repository_out_of_reach_is_named_and_prometheus_goes_on(lab, server, watcher):
    given = {
        "monitoring_grafana": True,
        "monitoring_grafana_password": "demo-only-grafana",
        "monitoring_grafana_repository": "https://apt.grafana.farol.test",
    }
    done = lab.playbook(
        CONVERGE, "--tags", "monitoring_configure,monitoring_grafana", "-e", json.dumps(given)
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "Grafana's repository https://apt.grafana.farol.test is of no use" in said.replace(
        "''", "'"
    )
    assert "monitoring_grafana_required: false" in said
    assert "demo-only-grafana" not in said
    assert server.check_output("stat -c '%a %U' /etc/farol/grafana.env") == "600 root"
    assert not server.file("/etc/apt/sources.list.d/grafana.sources").exists
    assert watcher.value("prometheus_config_last_reload_successful") == 1


@pytest.mark.parametrize("days", ["20d", "30d"])
def test_how_long_is_kept_changes_with_the_unit(lab, watcher, days):
    done = lab.playbook(
        CONVERGE, "--tags", "monitoring_install", "-e", f"monitoring_retention_time={days}"
    )
    assert done.returncode == 0, done.stdout
    until(watcher.ready, 60, "Prometheus that answers")
    (flags,) = watcher.fetch("http://127.0.0.1:9090/api/v1/status/flags")
    assert json.loads(flags)["data"]["storage.tsdb.retention.time"] == days


def test_a_killed_prometheus_is_back_and_goes_on(server, watcher):
    server.check_output("systemctl kill --signal=KILL prometheus")
    until(
        lambda: server.run("systemctl is-active prometheus").stdout.strip() == "active",
        30,
        "a new start",
    )
    until(watcher.ready, 60, "Prometheus that answers")
    until(lambda: watcher.query("up offset 30s"), 60, "what was measured before")


def test_a_full_disk_of_prometheus_stops_no_alert_and_ends_with_the_room(server, watcher, receiver):
    data = "/var/lib/prometheus/metrics2"
    server.check_output(
        f"systemctl stop prometheus && mount -t tmpfs -o size=40m,mode=755,uid=prometheus,gid=prometheus tmpfs {data}"
        " && systemctl start prometheus"
    )
    try:
        until(watcher.ready, 60, "Prometheus that answers")
        until(lambda: watcher.query("up == 1"), 60, "what is measured")
        server.run(f"dd if=/dev/zero of={data}/filling bs=64k")
        since = time.time()
        until(
            lambda: (
                "no space left on device" in server.check_output("journalctl -u prometheus -n 50")
            ),
            60,
            "a line that names the cause",
        )
        until(
            lambda: [m for m in receiver.messages(since=since) if m["to"] == "alive"],
            90,
            "a call of the dead man's switch with the disk full",
        )
        server.check_output(f"rm {data}/filling")
        until(lambda: watcher.query("time() - timestamp(up) < 15"), 90, "what is measured again")
    finally:
        server.check_output(
            f"systemctl stop prometheus && umount {data} && systemctl start prometheus"
        )
        until(watcher.ready, 60, "Prometheus that answers")


def test_a_flood_of_lines_is_cut_and_harms_nothing_else(server):
    since = int(time.time())
    # journald says what it left out when the service is let through again.
    flood = "yes flood | head -n 200000; sleep 32; echo after"
    server.check_output(f"systemd-run --quiet --wait --unit=drill-flood sh -c '{flood}'")
    server.check_output("journalctl --sync")
    kept = int(
        server.check_output(f"journalctl -u drill-flood --since @{since} -o cat | grep -c ^flood")
    )
    assert kept < 100000
    said = server.check_output(
        f"journalctl --since @{since} -o cat --no-pager -g 'Suppressed [0-9]+'"
    )
    assert "drill-flood" in said
    server.check_output("logger --tag other heard && journalctl --sync")
    assert server.check_output("journalctl -t other -n 1 -o cat") == "heard"
