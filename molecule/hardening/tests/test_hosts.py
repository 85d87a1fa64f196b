"""Hardening, firewall, Docker and Nginx on every supported distribution, asked from another machine."""

from __future__ import annotations

import json

APP = {"name": "api", "domain": "x.farol.test", "image": "i", "version": "1", "port": 80}
URL = "https://plain.farol.test"


def test_only_ssh_and_the_web_answer(outside):
    assert outside.open_ports("-p1-10000") == {22, 80, 443}


def test_only_ssh_and_the_web_answer_over_ipv6(lab, outside):
    assert outside.open_ports("-p1-10000", lab.address6) == {22, 80, 443}


def test_the_proxied_page_comes_over_tls(outside):
    page = outside.curl(f"{URL}/")
    assert page.status == 200 and "Directory listing" in page.body
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["server"] == "nginx"


def test_the_certificate_is_of_the_hosts_ca(outside):
    seen = outside.handshake("plain.farol.test", "-verify_return_error")
    assert seen.rc == 0 and "Verify return code: 0 (ok)" in seen.stdout


def test_old_tls_and_unknown_names_are_refused(outside):
    assert outside.handshake("plain.farol.test", "-tls1_1").rc != 0
    assert "BEGIN CERTIFICATE" not in outside.handshake("stranger.farol.test").stdout


def test_the_deploy_user_logs_in_by_key_and_may_become_root(lab):
    assert lab.login("deploy").check_output("sudo -n id -u") == "0"


def test_passwords_are_not_even_asked_for(lab, outside):
    refused = outside.shell.run(
        "ssh -v -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no "
        f"-o NumberOfPasswordPrompts=0 root@{lab.address} true"
    )
    assert refused.rc == 255
    assert "Authentications that can continue: publickey\n" in refused.stderr.replace("\r", "")


def test_bans_and_unattended_updates_are_on(server):
    assert "sshd" in server.check_output("fail2ban-client status")
    assert server.run("unattended-upgrade --dry-run").rc == 0


def test_a_published_container_port_stays_closed(server, outside):
    server.check_output(
        "docker run -d --rm --name open -p 0.0.0.0:8091:6379 172.30.99.4:5000/redis:7"
    )
    try:
        server.check_output(
            "timeout 20 bash -c 'until (: </dev/tcp/127.0.0.1/8091) 2>/dev/null; do sleep 0.2; done'"
        )
        assert outside.open_ports("-p8091") == set()
    finally:
        server.run("docker rm -f open")


def test_compose_is_there_or_the_app_role_says_where_to_get_it(lab, server):
    if server.run("docker compose version").rc == 0:
        return
    run = lab.playbook("playbooks/site.yml", "--tags", "app", "-e", json.dumps({"apps": [APP]}))
    assert run.returncode != 0
    assert "set docker_source to docker" in " ".join(run.stdout.split())
