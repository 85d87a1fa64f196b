"""What holds on the host: bans, updates, logs, secrets, and that nothing is left to change."""

from __future__ import annotations

import re

NEIGHBOUR = "172.30.99.3"
PASSWORD = "demo-only-postgres"
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


def recap(output: str) -> dict[str, int]:
    numbers = RECAP.findall(output)[-1]
    return dict(zip(("ok", "changed", "unreachable", "failed"), map(int, numbers), strict=True))


def test_a_banned_address_reaches_nothing(server, outside):
    server.check_output(f"fail2ban-client set sshd banip {NEIGHBOUR}")
    try:
        assert outside.open_ports("-p22,443") == set()
    finally:
        server.check_output(f"fail2ban-client set sshd unbanip {NEIGHBOUR}")
    assert outside.open_ports("-p22,443") == {22, 443}


def test_an_address_that_nginx_keeps_refusing_is_banned(lab, server, outside):
    limit = "/etc/nginx/conf.d/zz-tests.conf"
    lines = "limit_req_zone $binary_remote_addr zone=tests:1m rate=1r/s; limit_req zone=tests;"
    server.check_output(f"echo '{lines}' >{limit} && systemctl reload nginx")
    try:
        outside.shell.run(
            f"curl -sk -o /dev/null --max-time 60 --resolve api.farol.test:443:{lab.address} "
            "'https://api.farol.test/?[1-300]'"
        )
        banned = "fail2ban-client get farol-nginx-limits banip | grep -qw"
        server.check_output(f"timeout 60 sh -c 'until {banned} {NEIGHBOUR}; do sleep 0.5; done'")
        assert outside.open_ports("-p443") == set()
    finally:
        server.check_output(f"rm {limit} && systemctl reload nginx")
        server.run(f"fail2ban-client set farol-nginx-limits unbanip {NEIGHBOUR}")
    assert outside.open_ports("-p443") == {443}


def test_security_updates_are_picked_up_unattended(server):
    plan = server.run("unattended-upgrade --dry-run --debug")
    assert plan.rc == 0
    assert re.search(r"Allowed origins are: .*[Ss]ecurity", plan.stdout)


def test_containers_log_to_the_journal_which_is_limited(server):
    driver = "docker inspect --format '{{.HostConfig.LogConfig.Type}}' api-services-worker-1"
    assert server.check_output(driver) == "journald"
    lines = server.check_output(
        "journalctl FAROL_APP=api CONTAINER_NAME=api-services-worker-1 -o json"
    )
    assert '"FAROL_RELEASE":"' in lines
    limits = server.check_output("systemd-analyze cat-config systemd/journald.conf")
    assert "\nSystemMaxUse=500M" in limits


def test_secrets_are_for_root_alone(lab):
    # From inside: sudo writes into the journal what it is told to look for.
    found = lab.inside(f"grep -rlF {PASSWORD} /opt /etc /var/lib/farol /var/log")
    assert found, "the secret has to be somewhere"
    modes = lab.inside(f"stat -c '%a %n' {' '.join(found.splitlines())}")
    assert [line for line in modes.splitlines() if not line.startswith(("600 ", "400 "))] == []
    assert PASSWORD not in lab.inside("ps -eo args")
    as_deploy = lab.login("deploy").run(f"grep -rsF {PASSWORD} /opt /etc /var/lib/farol")
    assert as_deploy.stdout == ""


def test_no_secret_is_shown_by_a_verbose_run_in_check_mode(lab):
    run = lab.playbook(
        "playbooks/site.yml", "--check", "--diff", "-vvv", "-e", "app_keep_releases=2"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert PASSWORD not in run.stdout + run.stderr
    assert recap(run.stdout)["changed"] == 0


def test_the_health_table_is_printed(lab):
    run = lab.playbook("playbooks/site.yml", "--tags", "docker_service")
    assert re.search(r"\d+ passed, 0 failed", run.stdout), run.stdout
    assert recap(run.stdout)["changed"] == 0
