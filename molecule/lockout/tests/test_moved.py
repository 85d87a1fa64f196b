"""The port and the user of SSH change, and the run that changes them finds its way in and on."""

from __future__ import annotations

import os
import subprocess

import pytest


@pytest.fixture(scope="module")
def moved(lab):
    """Run site.yml with an inventory that no login of the host fits yet."""
    project = lab.inventory.parents[2]

    def run():
        lab.forget_connections()
        return subprocess.run(
            ["ansible-playbook", "-i", lab.inventory.parent / "moved", "--limit", lab.name]
            + ["--tags", "hardening,firewall", "playbooks/site.yml"],
            cwd=project,
            env={**os.environ, "ANSIBLE_CONFIG": str(project / "ansible.cfg")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def login(lab, user, port):
    state = lab.inventory.parents[2] / ".lab"
    lab.forget_connections()
    return subprocess.run(
        ["ssh", "-F", "none", "-i", state / "id_ed25519", "-p", str(port)]
        + ["-o", f"UserKnownHostsFile={state}/known_hosts", "-o", "BatchMode=yes"]
        + ["-o", "ConnectTimeout=5", f"{user}@{lab.address}", "sudo -n id -u"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_run_that_moves_ssh_ends_well(lab, moved):
    run = moved()
    assert run.returncode == 0, run.stdout
    assert login(lab, "deploy", 2222).stdout == "0\n"


def test_root_and_the_port_from_before_are_closed(lab):
    assert "Permission denied" in login(lab, "root", 2222).stderr
    assert login(lab, "deploy", 22).returncode == 255
    assert "22/tcp" not in lab.inside("ufw status").replace("2222/tcp", "")


def test_the_next_run_comes_in_by_itself_and_changes_nothing(lab, moved):
    run = moved()
    assert run.returncode == 0, run.stdout
    assert "changed=0" in run.stdout, run.stdout


def test_the_port_stays_after_a_reboot(lab):
    subprocess.run(["docker", "restart", lab.name], check=True, capture_output=True)
    booted = (
        "until systemctl is-system-running | grep -q -e running -e degraded; do sleep 0.3; done"
    )
    assert lab.inside(f"timeout 300 sh -c '{booted}' && echo booted") == "booted"
    assert login(lab, "deploy", 2222).stdout == "0\n"
