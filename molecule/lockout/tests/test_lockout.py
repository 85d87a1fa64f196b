"""What would lock everybody out, done on purpose; each host has to let us in again."""

from __future__ import annotations

import contextlib
import json
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
    left = f"ls {CHANGED} /var/lib/farol/guard/*/armed /var/lib/farol/guard/*/restor*"
    assert lab.inside(f"{left} 2>/dev/null; echo asked") == "asked"


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


@contextlib.contextmanager
def controller(lab, *arguments):
    """A run of ansible-playbook in the background; whatever it has started is killed at the end."""
    mark = new_mark()
    command = ["ansible-playbook", "-i", lab.inventory, "--limit", lab.name, *arguments]
    play = subprocess.Popen(
        [str(word) for word in command],
        cwd=lab.inventory.parents[2],
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(lab.inventory.parents[2] / "ansible.cfg"),
            mark: "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield play, lambda: kill_family(mark)
    finally:
        kill_family(mark)
        play.communicate()
    assert family(mark) == {}


def kill_while_unconfirmed(lab, seconds):
    """A controller that dies between the change and its confirmation, and with it the workers that would go on confirming."""
    options = ("-e", f"seconds={seconds}", "-e", "line='AllowGroups nobody'")
    with controller(lab, "molecule/lockout/ssh.yml", *options) as (_play, kill):
        wait_for(lambda: lab.inside(f"test -e {ARMED} && ls {CHANGED}") == CHANGED, 60)
        wait_for(lambda: new_login(lab) == "", 30)
        assert len(kill()) > 1, "a controller and its workers were to be killed"


@contextlib.contextmanager
def cut(lab):
    """Nothing reaches SSH, and nobody is told, as where an uplink breaks."""
    lab.inside(
        "nft add table inet cut; nft add chain inet cut in '{ type filter hook input priority -300; }'; "
        "nft add rule inet cut in tcp dport 22 drop"
    )
    try:
        yield
    finally:
        lab.inside("nft delete table inet cut")


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


def firewall_with(lab, seconds, *commands):
    options = json.dumps({"seconds": seconds, "commands": commands})
    return lab.playbook("molecule/lockout/firewall.yml", "-e", options)


def test_a_firewall_that_forgot_ssh_is_undone(lab):
    run = firewall_with(lab, 40, "ufw delete limit 22/tcp")
    assert run.returncode != 0
    assert says(run, "nobody could log in anew") and says(run, "has put back"), run.stdout
    assert re.search(r"22/tcp +LIMIT", lab.inside("ufw status"))


def test_nothing_goes_on_over_what_the_host_has_put_back(lab):
    run = firewall_with(lab, 5, "sleep 20", "touch /run/went-on")
    assert run.returncode != 0 and says(run, "nothing was changed after that"), run.stdout
    assert lab.inside("ls /run/went-on; echo asked") == "asked"
    again = firewall_with(lab, 40, "true")
    assert again.returncode == 0 and says(again, "nobody had confirmed it in time"), again.stdout


def test_a_command_that_fails_puts_everything_back(lab):
    run = firewall_with(lab, 40, "ufw delete limit 22/tcp", "ufw limit nonsense")
    assert run.returncode != 0 and says(run, "Everything is as it was before"), run.stdout
    assert re.search(r"22/tcp +LIMIT", lab.inside("ufw status"))


def test_a_cut_while_the_firewall_is_set_up_locks_nobody_out(lab):
    lab.inside("ufw --force reset")
    play = ("molecule/lockout/converge.yml", "--tags", "firewall")
    with controller(lab, *play) as (first, _kill):
        wait_for(lambda: lab.inside("ls /var/lib/farol/guard/firewall_rules/armed") != "", 120, 0.1)
        with cut(lab):
            time.sleep(145)  # longer than the host waits
        wait_for_login(lab)
        told, _ = first.communicate(timeout=300)
    assert first.returncode != 0 and "put back" in told, told
    assert new_login(lab) == "root"
    again = lab.playbook(*play)
    assert again.returncode == 0, again.stdout
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
