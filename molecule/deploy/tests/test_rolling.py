"""Two hosts of one application: one after the other, and all or none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ALONE = True
PROJECT = Path(__file__).parents[3]
INVENTORY = Path(__file__).parent.parent / "inventory"
ASK = "curl -sk --resolve api.farol.test:443:{address} https://api.farol.test/"
HOSTS = {"deploy-noble": "172.30.99.80", "deploy-trixie": "172.30.99.81"}


def versions() -> dict[str, str]:
    def ask(address: str) -> str:
        command = ["docker", "exec", "farol-neighbour", *ASK.format(address=address).split()]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[
            "version"
        ]

    return {host: ask(address) for host, address in HOSTS.items()}


def play(playbook: str, **variables) -> subprocess.CompletedProcess[str]:
    command = ["ansible-playbook", "-i", str(INVENTORY), str(PROJECT / f"playbooks/{playbook}.yml")]
    return subprocess.run(
        [*command, "-e", json.dumps({"app": "api", **variables})],
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def hold_port(host: str) -> int:
    """Have the idle colour's port taken on a host."""
    shown = "docker ps --filter name=api- --filter name=web --format '{{.Ports}}' | grep -o '127.0.0.1:[0-9]*'"
    live = subprocess.run(
        ["docker", "exec", host, "sh", "-c", shown], capture_output=True, text=True, check=True
    )
    port = int(live.stdout.strip().rpartition(":")[2])
    idle = port + 1 if port % 2 == 0 else port - 1
    listen = (
        f"import socket, time; s = socket.create_server(('127.0.0.1', {idle})); time.sleep(300)"
    )
    subprocess.run(["docker", "exec", "-d", host, "python3", "-c", listen], check=True)
    return idle


def test_a_failure_on_one_host_stops_the_rest_and_returns_the_others_if_wanted():
    before = versions()
    assert set(before.values()) == {"1.0.0"}
    port = hold_port("deploy-trixie")
    try:
        run = play("deploy", version="1.1.0", deploy_all_or_nothing=True)
        assert run.returncode != 0 and f"port {port} is held by" in " ".join(run.stdout.split())
        assert versions() == before, "all run what they ran"
        run = play("deploy", version="1.1.0")
        assert run.returncode != 0
        assert versions() == {"deploy-noble": "1.1.0", "deploy-trixie": "1.0.0"}
    finally:
        subprocess.run(["docker", "exec", "deploy-trixie", "pkill", "-f", str(port)], check=True)
    run = play("deploy", version="1.0.0")
    assert run.returncode == 0, run.stdout
    assert versions() == before


def test_the_first_host_that_fails_leaves_the_others_untouched():
    port = hold_port("deploy-noble")
    try:
        run = play("deploy", version="1.1.0")
        assert run.returncode != 0
        assert set(versions().values()) == {"1.0.0"}
        assert "changed=0" in run.stdout.split("PLAY RECAP")[1].split("deploy-trixie")[1]
    finally:
        subprocess.run(["docker", "exec", "deploy-noble", "pkill", "-f", str(port)], check=True)


def test_a_singleton_runs_on_the_first_host_alone():
    apps = play_vars()
    apps[0]["services"]["scheduler"]["singleton"] = True
    run = play("deploy", apps=apps)
    assert run.returncode == 0, run.stdout
    listing = ["docker", "ps", "--filter", "name=api-services", "--format", "{{.Names}}"]
    running = {
        host: set(
            subprocess.run(
                ["docker", "exec", host, *listing], capture_output=True, text=True, check=True
            ).stdout.split()
        )
        for host in HOSTS
    }
    assert running["deploy-noble"] == {"api-services-worker-1", "api-services-scheduler-1"}
    assert running["deploy-trixie"] == {"api-services-worker-1"}
    assert play("deploy").returncode == 0


def play_vars() -> list[dict]:
    import yaml

    return yaml.safe_load((PROJECT / "inventories/demo/group_vars/all/apps.yml").read_text())[
        "apps"
    ]
