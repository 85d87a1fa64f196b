"""What is measured, by whom, and who can see it."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from watch import until

LOOPBACK = {9090, 9093, 9100, 9113, 9114, 9115, 9121, 9187, 3903}
NOBLE, TRIXIE = "monitoring-noble", "monitoring-trixie"


def test_every_target_answers(watcher):
    until(lambda: not watcher.query("up == 0") and watcher.query("up"), 60, "all targets up")
    assert [each["metric"] for each in watcher.query("up == 0")] == []


def test_both_hosts_are_watched_by_the_first(lab, watcher):
    hosts = {each["metric"]["host"] for each in watcher.query('up{job="node"}')}
    assert hosts == ({NOBLE, TRIXIE} if lab.name == NOBLE else {TRIXIE})


@pytest.mark.parametrize(
    "expression",
    [
        "pg_up == 1",
        'redis_up{instance_name="queue"} == 1',
        "pgbouncer_up == 1",
        "pgbouncer_pools_server_idle_connections or pgbouncer_pools_client_active_connections",
        "nginx_up == 1",
        'farol_container_running{app="api"} == 1',
        'node_systemd_unit_state{name="nginx.service",state="active"} == 1',
        "farol_certificate_not_after_seconds or farol_certificates_checked_timestamp_seconds",
        'probe_success{app="api"} == 1',
        'probe_ssl_earliest_cert_expiry{app="api"} > time()',
        'farol_nginx_requests_total{app="api",status="200"} > 0',
        'farol_nginx_request_seconds_bucket{app="api",le="1.0"} or farol_nginx_request_seconds_bucket{app="api",le="1"}',
        'up{job="app",app="api"} == 1',
    ],
)
def test_is_measured_on_each_host(watcher, expression):
    of = {each["metric"]["host"] for each in watcher.query('up{job="node"}')}
    found = until(
        lambda: {each["metric"].get("host") for each in watcher.query(expression)} >= of,
        60,
        expression,
    )
    assert found


def test_no_rule_fails_and_the_files_in_effect_are_those_on_disk(watcher):
    assert watcher.query("prometheus_rule_evaluation_failures_total > 0") == []
    assert watcher.value("prometheus_config_last_reload_successful") == 1
    assert watcher.value("alertmanager_config_last_reload_successful") == 1


def test_nothing_but_intended_ports_listens_outside_the_loopback(lab, server):
    listening = server.check_output("ss -Hltn")
    outside = {
        int(port)
        for address, port in re.findall(r"(\S+):(\d+)\s+\S+:\*", listening)
        if not address.startswith(("127.", "[::1]"))
    }
    intended = {22, 80, 443} | ({19532} if lab.name == NOBLE else {9443})
    assert outside == intended


def test_another_host_finds_nothing_but_intended_ports(lab, outside):
    scanned = ",".join(
        str(port) for port in sorted(LOOPBACK | {22, 80, 443, 5432, 6432, 6379, 9094, 9443, 19532})
    )
    intended = {22, 80, 443} | ({19532} if lab.name == NOBLE else {9443})
    assert outside.open_ports(f"-p{scanned}") == intended


@pytest.mark.only_on("trixie")  # who watches has no endpoint
def test_the_endpoint_answers_nobody_without_the_certificate_of_the_one_who_watches(lab, outside):
    url = f"https://{lab.address}:9443/proxy?module=node"
    answer = outside.shell.run(f"curl -skS --max-time 10 {url}")
    assert answer.rc != 0 and "node_load1" not in answer.stdout
    assert "alert" in answer.stderr or "certificate" in answer.stderr


@pytest.mark.only_on("trixie")
def test_a_certificate_that_a_killed_run_has_made_is_used_by_the_next(lab, server):
    started = "systemctl show --property ActiveEnterTimestampMonotonic prometheus-exporter-exporter"
    before = server.check_output(started)
    server.check_output("touch /etc/farol/telemetry/restart-due")
    converge = ("molecule/monitoring/converge.yml", "--tags", "telemetry_configure")
    first, second = (lab.playbook(*converge) for _time in range(2))
    assert first.returncode == 0, first.stdout
    assert server.check_output(started) != before
    assert second.returncode == 0 and "changed=0" in second.stdout, second.stdout


@pytest.mark.only_on("noble")  # the other takes no journals
def test_journals_are_taken_from_nobody_without_a_known_certificate(lab, outside):
    answer = outside.shell.run(
        f"curl -skS --max-time 10 -H 'Content-Type: application/vnd.fdo.journal' --data-binary MESSAGE=x "
        f"-o /dev/null -w '%{{http_code}}' https://{lab.address}:19532/upload"
    )
    assert answer.stdout in ("000", "401", "403")


@pytest.mark.only_on("noble")
def test_what_a_host_logs_is_found_on_the_one_who_watches(lab, server):
    word = "seen-from-afar-4711"
    subprocess.run(["docker", "exec", TRIXIE, "logger", "--tag", "drill", word], check=True)
    found = until(
        lambda: (
            server.run(
                f"journalctl --directory=/var/log/journal/remote --grep {word} -o json --no-pager"
            ).stdout
        ),
        60,
        "the line of the other host",
    )
    assert f'"_HOSTNAME":"{TRIXIE}"' in found


@pytest.mark.only_on("noble")
def test_a_request_is_found_in_the_logs_of_its_release_on_another_host(lab, outside):
    trixie = "172.30.99.114"
    answer = outside.shell.run(
        f"curl -skS -D - -o /dev/null --resolve api.farol.test:443:{trixie} https://api.farol.test/"
    )
    request = re.search(r"(?i)^x-request-id: (\S+)", answer.stdout, re.M)[1]
    found = until(
        lambda: lab.inside(
            f"journalctl --directory=/var/log/journal/remote FAROL_APP=api --grep {request} -o json --no-pager"
        ),
        60,
        "the line of the application",
    )
    line = json.loads(found.splitlines()[0])
    assert line["_HOSTNAME"] == TRIXIE and line["FAROL_RELEASE"].startswith("1.")
    assert line["CONTAINER_NAME"].startswith("api-")


def test_secrets_are_for_prometheus_alone(server):
    modes = server.check_output(
        "stat -c '%a %U:%G %n' /etc/prometheus/alertmanager.yml /etc/prometheus/farol/secrets/*"
    )
    assert {line.rsplit(" ", 1)[0] for line in modes.splitlines()} == {"640 root:prometheus"}
    commands = server.check_output("ps -eo args")
    assert "demo-only" not in commands
    assert server.check_output("stat -c %a /etc/farol/telemetry/redis.env") == "600"
