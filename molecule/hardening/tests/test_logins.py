"""Who gets in over SSH, as what, and how, tried with real logins."""

from __future__ import annotations

import base64
import hmac
import json
import os
import shlex
import socket
import struct
import subprocess
import sys
import time

import pytest

# The neighbour, and the controller, which the inventory calls a network of its own.
STRANGER, OWN = "172.30.99.3", "172.30.99.128"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "Correct-horse-7-battery"


@pytest.fixture(scope="module")
def ssh(lab):
    """A connection of its own for each call, with the lab's key unless told otherwise."""
    state = lab.inventory.parents[2] / ".lab"

    def run(user, command="true", options="", key=True, **environment):
        lab.forget_connections()
        return subprocess.run(
            ["ssh", "-F", "none", *shlex.split(options)]
            + (["-i", str(state / "id_ed25519")] if key else [])
            + ["-o", f"UserKnownHostsFile={state}/known_hosts", "-o", "BatchMode=yes"]
            + [f"{user}@{lab.address}", command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **environment},
        )

    return run


def test_users_of_the_inventory_get_in_and_others_do_not(ssh):
    assert ssh("dana", "id -un").stdout == "dana\n"
    refused = ssh("provider")
    assert refused.returncode == 255 and "Permission denied (publickey)" in refused.stderr


def test_only_who_may_becomes_root(ssh):
    assert ssh("deploy", "sudo -n id -u").stdout == "0\n"
    assert ssh("dana", "sudo -n id -u").returncode != 0


def make_key(path):
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text().strip()


def only_with(key):
    return f"-o IdentitiesOnly=yes -o IdentityAgent=none -i {key}"


def test_a_key_in_a_home_folder_opens_nothing(server, ssh, tmp_path):
    key = make_key(tmp_path / "own")
    server.check_output("install -d -o dana -m 700 /home/dana/.ssh")
    server.check_output(f"echo {shlex.quote(key)} >/home/dana/.ssh/authorized_keys")
    server.check_output("chown dana: /home/dana/.ssh/authorized_keys")
    refused = ssh("dana", options=only_with(tmp_path / "own"), key=False)
    server.check_output("rm -r /home/dana/.ssh")
    assert refused.returncode == 255 and "Permission denied" in refused.stderr


def test_a_certificate_of_the_user_ca_lets_in_whom_it_names(lab, ssh, tmp_path):
    ca = make_key(tmp_path / "ca")
    make_key(tmp_path / "own")
    run = lab.playbook(
        "molecule/hardening/converge.yml",
        *("--tags", "hardening_access", "-e", json.dumps({"hardening_ssh_user_ca_keys": [ca]})),
    )
    assert run.returncode == 0, run.stdout
    sign = ["ssh-keygen", "-qs", tmp_path / "ca", "-I", "dana", "-n", "dana", "-V", "+1h"]
    subprocess.run([*sign, tmp_path / "own.pub"], check=True)
    own = only_with(tmp_path / "own")
    assert ssh("dana", "id -un", own, key=False).stdout == "dana\n"
    assert ssh("deploy", options=own, key=False).returncode == 255


def test_ports_are_forwarded_for_the_groups_that_may(ssh):
    assert "administratively prohibited" in through_tunnel(ssh, "deploy")
    assert "administratively prohibited" not in through_tunnel(ssh, "dana")


# Knocks until the tunnel's end listens, however long a login takes.
KNOCK = """
import socket, sys, time
for _ in range(300):
    try:
        link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
link.sendall(b"x")
time.sleep(0.5)
"""


def through_tunnel(ssh, user):
    """What ssh says when somebody connects to its end of a tunnel."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    knocker = subprocess.Popen([sys.executable, "-c", KNOCK, str(port)])
    said = ssh(user, "sleep 3", f"-o ExitOnForwardFailure=yes -L 127.0.0.1:{port}:127.0.0.1:80")
    assert knocker.wait() == 0, said.stderr
    return said.stderr


def one_time_password(secret: str) -> str:
    """As RFC 6238 has it, for the half minute that it is."""
    moment = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), moment, "sha1")
    number = struct.unpack_from(">I", digest, digest[-1] & 15)[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def test_a_group_needs_a_code_besides_its_key(server, ssh, tmp_path):
    file = "/home/erin/.google_authenticator"
    text = f'{SECRET}\n" RATE_LIMIT 3 30\n" WINDOW_SIZE 3\n" TOTP_AUTH\n'
    server.check_output(
        f"printf %s {shlex.quote(text)} >{file} && chown erin: {file} && chmod 400 {file}"
    )
    refused = ssh("erin")
    assert refused.returncode == 255 and "keyboard-interactive" in refused.stderr
    answer = tmp_path / "answer"
    answer.write_text(f"#!/bin/sh\necho {one_time_password(SECRET)}\n")
    answer.chmod(0o700)
    ask = {"SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
    assert ssh("erin", "id -un", "-o BatchMode=no", **ask).stdout == "erin\n"
    answer.write_text("#!/bin/sh\necho 000000\n")
    wrong = ssh("erin", "id -un", "-o BatchMode=no -o NumberOfPasswordPrompts=1", **ask)
    assert wrong.returncode == 255


def test_the_banner_comes_before_the_login_and_names_no_system(ssh):
    said = ssh("dana").stderr
    assert "Authorized access only" in said
    assert "Ubuntu" not in said and "Debian" not in said


def test_su_is_closed_even_with_the_right_password(server):
    server.check_output(f"echo dana:{PASSWORD} | chpasswd")
    try:
        tried = server.run(
            f"setpriv --reuid provider --regid provider --clear-groups sh -c 'echo {PASSWORD} | su dana -c id'"
        )
        assert tried.rc != 0 and "uid=" not in tried.stdout
    finally:
        server.check_output("passwd --lock dana")


def test_weak_passwords_are_refused_and_wrong_ones_lock_the_account(server):
    assert server.run("echo dana:short | chpasswd").rc != 0
    assert server.run("echo dana:aaaaaaaaaaaaaaaaaaaa | chpasswd").rc != 0
    server.check_output(f"echo dana:{PASSWORD} | chpasswd")
    ask = "setpriv --reuid dana --regid dana --init-groups sudo -S -k -p '' true"
    # The right password gets as far as sudo's own refusal, unless the account is locked.
    free = server.run(f"echo {PASSWORD} | {ask}").stderr.splitlines()[-1]
    try:
        for _ in range(4):
            assert server.run(f"echo wrong | {ask}").rc != 0
        listed = server.check_output("faillock --user dana")
        assert listed.count("\n") >= 4, listed
        locked = server.run(f"echo {PASSWORD} | {ask}")
        assert locked.rc != 0 and free not in locked.stderr.splitlines(), locked.stderr
    finally:
        server.run("faillock --user dana --reset; passwd --lock dana")


def test_guessing_bans_a_stranger_and_never_a_network_of_ones_own(lab, outside, server, ssh):
    # Who is banned waits for an answer: a quarter of an hour in the middle of a handshake.
    guess = "timeout 10 ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    for _ in range(6):
        assert ssh("guess").returncode == 255
        outside.shell.run(f"{guess} guess@{lab.address} true")
    listed = "fail2ban-client get sshd banip"
    try:
        server.check_output(
            f"timeout 20 sh -c 'until {listed} | grep -qw {STRANGER}; do sleep 0.5; done'"
        )
        assert outside.open_ports("-p22,443") == set()
        assert OWN not in server.check_output(listed).split()
        assert ssh("dana").returncode == 0
    finally:
        server.run(f"fail2ban-client set sshd unbanip {STRANGER}")


def test_new_files_are_closed_to_others(ssh):
    assert ssh("dana", "umask").stdout.strip() in ("0007", "0027")


@pytest.mark.only_on("noble", "trixie")
def test_a_user_who_left_the_inventory_is_gone(lab, server, ssh):
    run = lab.playbook(
        "molecule/hardening/converge.yml",
        "--tags",
        "hardening_users,hardening_access",
        "-e",
        json.dumps({"hardening_users": [], "hardening_ssh_two_factor_groups": []}),
    )
    assert run.returncode == 0, run.stdout
    assert ssh("dana").returncode == 255
    assert server.run("getent passwd dana").rc == 2
    assert server.run("test -e /etc/ssh/authorized_keys.d/dana").rc == 1
    assert server.file("/home/dana").exists
