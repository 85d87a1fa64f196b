"""What would lock everybody out, done on purpose; each host has to let us in again."""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest
from runner.processes import family, kill_family, new_mark

CHANGED = "/etc/ssh/sshd_config.d/00-before-farol.conf"
ARMED = "/var/lib/farol/guard/lockout/armed"
RESTORED = "/var/lib/farol/guard/lockout/restored"


def says(run, text):
    return text in re.sub(r"\s+", " ", run.stdout + run.stderr)


@pytest.fixture(autouse=True)
def clean(lab):
    """Each test begins with a clean count of connections, and ends as it found the host."""
    lab.forget_connections()
    yield
    wait_for_login(lab)
    assert lab.inside(f"ls -d {CHANGED} /var/lib/farol/guard/* 2>/dev/null; echo asked") == "asked"


def new_login(lab):
    """Who a connection of its own is, empty where it is refused."""
    key = lab.inventory.parents[2] / ".lab"
    done = subprocess.run(
        # ConnectTimeout does not end a handshake that a rule cuts off.
        ["timeout", "15", "ssh", "-i", key / "id_ed25519"]
        + ["-o", f"UserKnownHostsFile={key}/known_hosts"]
        + ["-o", "BatchMode=yes", "-o", "ControlPath=none", "-o", "ConnectTimeout=5"]
        + [f"root@{lab.address}", "id -un"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def wait_for(condition, seconds, pause=0.5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(pause)


def wait_for_login(lab, seconds=60):
    """sshd may be taking over what was put back at this moment; the count of connections begins anew."""
    wait_for(lambda: lab.forget_connections() or new_login(lab) == "root", seconds)
    lab.forget_connections()


def ssh_with(lab, line, seconds=30):
    return lab.playbook(
        "molecule/lockout/ssh.yml", "-e", f"seconds={seconds}", "-e", f"line='{line}'"
    )


def kill_while_unconfirmed(lab, seconds):
    """A controller that dies between the change and its confirmation, and with it the workers that would go on confirming."""
    mark = new_mark()
    command = ["ansible-playbook", "-i", lab.inventory, "--limit", lab.name]
    command += ["molecule/lockout/ssh.yml", "-e", f"seconds={seconds}"]
    command += ["-e", "line='AllowGroups nobody'"]
    play = subprocess.Popen(
        [str(word) for word in command],
        cwd=lab.inventory.parents[2],
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(lab.inventory.parents[2] / "ansible.cfg"),
            mark: "1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: lab.inside(f"test -e {ARMED} && ls {CHANGED}") == CHANGED, 60)
        wait_for(lambda: new_login(lab) == "", 30)
    finally:
        killed = kill_family(mark)
        play.wait()
    assert len(killed) > 1, "a controller and its workers were to be killed"
    assert family(mark) == {}


@pytest.mark.parametrize("line", ["AllowGroups nobody", "Port 2222"])
def test_a_change_that_lets_nobody_in_is_undone(lab, line):
    run = ssh_with(lab, line)
    assert run.returncode != 0
    assert says(run, "nobody could log in anew") and says(run, "has put back"), run.stdout
    assert "everything is as it was" in lab.inside("journalctl -t farol-guard -o cat")


def test_a_change_that_lets_us_in_stays(lab):
    assert ssh_with(lab, "MaxSessions 9").returncode == 0
    kept = lab.inside("sshd -T | grep -i maxsessions")
    lab.inside(f"rm {CHANGED} /var/lib/farol/config_tree/lockout.json; systemctl reload ssh")
    assert kept == "maxsessions 9"


def test_a_file_that_sshd_cannot_read_never_counts(lab):
    run = ssh_with(lab, "Nonsense yes")
    assert run.returncode != 0
    assert says(run, "Every file is as it was before"), run.stdout


def test_a_firewall_that_forgot_ssh_is_undone(lab):
    run = lab.playbook("molecule/lockout/firewall.yml", "-e", "seconds=40")
    assert run.returncode != 0
    assert says(run, "nobody could log in anew") and says(run, "has put back"), run.stdout
    assert re.search(r"22/tcp +LIMIT", lab.inside("ufw status"))


def test_a_controller_that_dies_leaves_a_host_that_heals(lab):
    kill_while_unconfirmed(lab, 40)
    wait_for(lambda: lab.inside(f"ls {RESTORED}") == RESTORED, 120)
    assert lab.inside(f"ls {CHANGED}") == ""
    wait_for_login(lab)
    again = ssh_with(lab, "AllowGroups nobody")
    assert says(again, "nobody had confirmed it in time"), again.stdout


def test_a_reboot_undoes_what_nobody_confirmed(lab):
    kill_while_unconfirmed(lab, 3600)
    subprocess.run(["docker", "restart", lab.name], check=True, capture_output=True)
    wait_for_login(lab, 300)
    again = ssh_with(lab, "AllowGroups nobody")
    assert says(again, "nobody had confirmed it in time"), again.stdout
