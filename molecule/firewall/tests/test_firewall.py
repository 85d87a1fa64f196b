"""What containers publish, seen from another machine, through everything that rewrites a firewall."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
import testinfra

PORTS = "-p22,80,443,6379,7000,8091-8096"
MEANT = {22, 8092}
NEIGHBOUR, NEIGHBOUR6 = "172.30.99.3", "fd99:fa01::3"
CONTAINERS = (
    "--name closed -p 0.0.0.0:8091:6379",
    "--name opened -p 0.0.0.0:8092:6379 --network user",
    "--name both -p 0.0.0.0:8093:6379 -p [::]:8093:6379 -p [::]:8092:6379 --network six",
    "--name loopback -p 127.0.0.1:8094:6379",
    "--name elsewhere -p 0.0.0.0:8096:6379 -p [::]:8096:6379 --network six",
)


@pytest.fixture(scope="module")
def neighbour():
    return testinfra.get_host("docker://farol-neighbour")


@pytest.fixture(scope="module", autouse=True)
def containers(server):
    server.check_output("docker network create user")
    server.check_output("docker network create --ipv6 --subnet fd00:6::/64 six")
    for options in CONTAINERS:
        server.check_output(f"docker run -d --restart always {options} 172.30.99.4:5000/redis:7")


def scan(neighbour, address):
    family = "-6" if ":" in address else ""
    lines = neighbour.check_output(
        f"nmap {family} -Pn -n -T4 --max-retries 2 {PORTS} -oG - {address}"
    )
    assert "1 host up" in lines, lines
    return {int(part.split("/")[0].split()[-1]) for part in lines.split(",") if "/open/tcp" in part}


def seen(neighbour, lab):
    # SSH lets an address in six times within 30 s; the scans are not to depend on it.
    return [scan(neighbour, address) - {22} for address in (lab.address, lab.address6)]


def settled(neighbour, lab, server):
    """The ports that are meant, within the time that containers take to start, and never any other."""
    deadline = time.monotonic() + 300
    while True:
        found = seen(neighbour, lab)
        assert all(ports <= MEANT for ports in found), found
        ready = found == [MEANT - {22}] * 2
        if ready or time.monotonic() > deadline:
            break
    assert ready, found
    ask = "docker run --rm --network user 172.30.99.4:5000/redis:7 timeout 5"
    assert server.check_output(f"{ask} redis-cli -h opened ping") == "PONG"
    server.check_output(f"{ask} bash -c '</dev/tcp/172.30.99.4/5000'")


def test_the_engine_has_the_backend_that_is_meant(lab, server):
    backend = server.check_output("docker info --format '{{.FirewallBackend.Driver}}'")
    assert backend.startswith(
        {"firewall-noble": "iptables", "firewall-resolute": "nftables"}[lab.name]
    )


def test_only_opened_ports_answer(lab, server, neighbour):
    settled(neighbour, lab, server)


@pytest.mark.parametrize(
    "command",
    [
        "systemctl restart docker",
        "systemctl reload docker",
        "ufw reload",
        "systemctl restart farol-docker-firewall",
    ],
)
def test_nothing_that_rewrites_rules_opens_or_closes_a_port(lab, server, neighbour, command):
    server.check_output(command)
    settled(neighbour, lab, server)


def test_the_way_around_docker_is_closed(lab, server, neighbour):
    """Published on loopback, or addressed by a container's own address: a neighbour's routes lead to both."""
    own = server.check_output(
        "docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' opened"
    )
    neighbour.check_output(f"ip route add {own} via {lab.address}")
    try:
        assert scan(neighbour, own) == set()
    finally:
        neighbour.check_output(f"ip route del {own}")


@pytest.mark.parametrize("address", [NEIGHBOUR, NEIGHBOUR6])
def test_a_banned_address_reaches_no_container_either(lab, server, neighbour, address):
    target = lab.address6 if ":" in address else lab.address
    server.check_output(f"fail2ban-client set sshd banip {address}")
    time.sleep(1)
    try:
        assert scan(neighbour, target) == set()
    finally:
        server.check_output(f"fail2ban-client set sshd unbanip {address}")
    time.sleep(1)
    assert 8092 in scan(neighbour, target)


def test_a_rule_made_by_hand_is_named_and_goes_when_told(lab, server):
    server.check_output("ufw allow 7000/tcp")
    kept = lab.playbook("molecule/firewall/converge.yml")
    assert "Kept: ufw allow 7000/tcp" in kept.stdout and "changed=0" in kept.stdout, kept.stdout
    gone = lab.playbook("molecule/firewall/converge.yml", "-e", "firewall_foreign_rules=remove")
    assert gone.returncode == 0, gone.stdout
    assert "7000" not in server.check_output("ufw show added")


def test_the_own_connection_is_not_locked_out(lab, server):
    before = server.check_output("ufw show added")
    options = json.dumps({"firewall_ssh_from": ["198.51.100.0/24"]})
    run = lab.playbook("molecule/firewall/converge.yml", "-e", options)
    assert run.returncode != 0 and "would lock out" in " ".join(run.stdout.split())
    assert server.check_output("ufw show added") == before


def test_a_half_converted_ipv6_is_made_whole(lab, server):
    for command in (
        "sed -i s/^IPV6=.*/IPV6=no/ /etc/default/ufw",
        "ufw reload",
        "ufw delete allow 443/tcp",
        "ufw allow 443/tcp comment 'farol: HTTPS'",
        "sed -i s/^IPV6=.*/IPV6=yes/ /etc/default/ufw",
    ):
        server.check_output(command)
    run = lab.playbook("molecule/firewall/converge.yml")
    assert run.returncode == 0, run.stdout
    assert "443/tcp (v6)" in server.check_output("ufw status")


def test_a_reboot_opens_nothing(lab, neighbour):
    subprocess.run(["docker", "restart", lab.name], check=True, capture_output=True)
    deadline = time.monotonic() + 300
    while True:
        found = seen(neighbour, lab)
        assert all(ports <= MEANT for ports in found), found
        if found == [MEANT - {22}] * 2:
            return
        assert time.monotonic() < deadline, found
