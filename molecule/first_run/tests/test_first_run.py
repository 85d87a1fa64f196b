"""Hosts that took nobody but their provider's user, after the first run: who gets in now, and what later runs make of them."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

PROVIDERS = {"first-run-noble": "ubuntu", "first-run-trixie": "debian"}


def ssh(lab, user):
    state = lab.inventory.parents[2] / ".lab"
    return subprocess.run(
        ["timeout", "60", "ssh", "-F", "none", "-i", state / "id_ed25519", "-o", "BatchMode=yes"]
        + ["-o", f"UserKnownHostsFile={state}/known_hosts", "-o", "ControlPath=none"]
        + [f"{user}@{lab.address}", "sudo -n id -u"],
        capture_output=True,
        text=True,
        check=False,
    )


def run(lab, inventory, host, *arguments, **environment):
    project = lab.inventory.parents[2]
    done = subprocess.run(
        ["ansible-playbook", "-i", inventory, "--limit", host, "playbooks/site.yml", *arguments],
        cwd=project,
        env={**os.environ, "ANSIBLE_CONFIG": str(project / "ansible.cfg"), **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.returncode, " ".join(done.stdout.split())


@pytest.fixture(autouse=True)
def uncounted(lab):
    """UFW counts from nothing."""
    lab.forget_connections()


def test_the_user_of_the_inventory_gets_in_and_becomes_root(lab):
    assert ssh(lab, "deploy").stdout == "0\n"


def test_root_and_the_users_of_the_provider_do_not(lab):
    for user in ("root", PROVIDERS[lab.name]):
        assert "Permission denied" in ssh(lab, user).stderr, user


def test_no_change_of_access_was_undone(lab):
    assert "putting back" not in lab.inside("journalctl -t farol-guard -o cat")


def test_a_host_that_only_ssh_s_configuration_knows_is_asked_itself(lab):
    state = lab.inventory.parents[2] / ".lab"
    (state / "first-run.conf").write_text(
        "".join(
            f"Host alias-{suite}\n  HostName 172.30.99.{end}\n  IdentityFile {state}/id_ed25519\n"
            f"  UserKnownHostsFile {state}/known_hosts\n  HostKeyAlias 172.30.99.{end}\n"
            for suite, end in (("noble", 25), ("trixie", 26))
        )
    )
    name = lab.name.replace("first-run", "alias")
    inventory = lab.inventory.parent / "alias" / f"{lab.name.removeprefix('first-run-')}.yml"
    code, told = run(lab, inventory, name)
    assert code == 0 and "changed=0" in told, told
    assert "https://api.farol.test" in told


def test_ufw_s_limit_is_named_and_no_other_login_tried(lab, tmp_path):
    for _ in range(8):
        with socket.socket() as knock:
            knock.settimeout(5)
            knock.connect_ex((lab.address, 22))
    # Not over a connection that an earlier run has left open.
    code, told = run(lab, lab.inventory, lab.name, ANSIBLE_SSH_CONTROL_PATH_DIR=str(tmp_path))
    assert code != 0 and "user deploy) is unreachable: connection refused" in told, told
    assert "six times within 30 seconds" in told
    assert "user root" not in told and f"user {PROVIDERS[lab.name]}" not in told


def test_the_first_run_waited_for_the_host_s_own_upgrade(lab):
    if "trixie" not in lab.name:
        pytest.skip("nothing held the lock there")
    ended, installed = lab.inside("stat -c %Y /run/upgraded /var/lib/dpkg/info/ufw.list").split()
    assert int(ended) <= int(installed)
