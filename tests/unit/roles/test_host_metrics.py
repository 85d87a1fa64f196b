# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host collector, with commands that print what the real ones do."""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
SCRIPT = PROJECT / "roles/telemetry/templates/tree/usr/local/lib/farol/host-metrics"
# What Ubuntu 24.04, Ubuntu 22.04 and Debian 13 print.
UPGRADE = """\
NOTE: This is only a simulation!
Inst base-files [13ubuntu10] (13ubuntu10.3 Ubuntu:24.04/noble-updates [amd64])
Inst openssl [3.0.13-0ubuntu3] (3.0.13-0ubuntu3.5 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])
Inst libssl3t64 [3.0.13-0ubuntu3] (3.0.13-0ubuntu3.5 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64]) []
Conf openssl (3.0.13-0ubuntu3.5 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])
Inst linux-image-6.12 (6.12.1 Debian-Security:13/stable-security [amd64])
Inst curl [8.14.1-2] (8.14.1-2+deb13u1 Debian-Security:13/stable-security [amd64])
"""
STATUS = """\
Status
|- Number of jail:\t2
`- Jail list:\tfarol-nginx-limits, sshd
"""
JAIL = """\
Status for the jail: {jail}
|- Filter
|  |- Currently failed:\t1
|  |- Total failed:\t{failed}
|  `- Journal matches:\t_SYSTEMD_UNIT=ssh.service + _COMM=sshd
`- Actions
   |- Currently banned:\t2
   |- Total banned:\t{banned}
   `- Banned IP list:\t192.0.2.1 192.0.2.2
"""


@pytest.fixture
def script(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("host_metrics", str(SCRIPT))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    status, lists = tmp_path / "status", tmp_path / "lists"
    status.touch()
    module.REBOOT, module.CHANGES = tmp_path / "reboot-required", (status, lists)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return module


def command(folder, name, text):
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def fake_apt(folder, text=UPGRADE):
    (folder / "apt.txt").write_text(text)
    command(
        folder,
        "apt-get",
        f'echo >>{folder}/asked; while read -r l; do echo "$l"; done <{folder}/apt.txt\n',
    )


def asked(folder):
    path = folder / "asked"
    return len(path.read_text().splitlines()) if path.exists() else 0


def main(script, folder, monkeypatch, now=1000):
    monkeypatch.setattr(script.time, "time", lambda: now)
    monkeypatch.setattr(
        sys, "argv", ["host-metrics", str(folder / "m/host.prom"), str(folder / "s")]
    )
    script.main()
    lines = (folder / "m/host.prom").read_text().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_nothing_waits_and_nothing_is_installed(script, tmp_path, monkeypatch):
    assert main(script, tmp_path, monkeypatch) == {
        "farol_reboot_required_since_seconds": "0",
        "farol_security_updates": "0",
        "farol_security_updates_since_seconds": "0",
    }


def test_since_when_a_reboot_waits(script, tmp_path, monkeypatch):
    script.REBOOT.touch()
    os.utime(script.REBOOT, (500, 500))
    assert main(script, tmp_path, monkeypatch)["farol_reboot_required_since_seconds"] == "500"


def test_security_updates_are_told_from_others_and_from_new_packages(script, tmp_path, monkeypatch):
    fake_apt(tmp_path)
    found = main(script, tmp_path, monkeypatch)
    assert found["farol_security_updates"] == "3"
    assert found["farol_security_updates_since_seconds"] == "1000"


def test_apt_is_asked_again_only_after_a_change_and_the_beginning_is_kept(
    script, tmp_path, monkeypatch
):
    fake_apt(tmp_path)
    main(script, tmp_path, monkeypatch, 1000)
    assert (
        main(script, tmp_path, monkeypatch, 2000)["farol_security_updates_since_seconds"] == "1000"
    )
    assert asked(tmp_path) == 1
    os.utime(script.CHANGES[0], (9e8, 9e8))
    found = main(script, tmp_path, monkeypatch, 3000)
    assert asked(tmp_path) == 2
    assert found["farol_security_updates_since_seconds"] == "1000"
    fake_apt(tmp_path, "")
    os.utime(script.CHANGES[0], (9.1e8, 9.1e8))
    found = main(script, tmp_path, monkeypatch, 4000)
    assert (found["farol_security_updates"], found["farol_security_updates_since_seconds"]) == (
        "0",
        "0",
    )


def test_a_broken_memory_is_no_obstacle(script, tmp_path, monkeypatch):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/updates.json").write_text("[]")
    fake_apt(tmp_path)
    assert main(script, tmp_path, monkeypatch)["farol_security_updates"] == "3"


def test_whom_fail2ban_bans(script, tmp_path, monkeypatch):
    ssh, limits = (
        JAIL.format(jail="sshd", failed=9, banned=7),
        JAIL.format(jail="x", failed=3, banned=2),
    )
    command(
        tmp_path,
        "fail2ban-client",
        f'case "$2" in sshd) echo "{ssh}" ;; farol-nginx-limits) echo "{limits}" ;; *) echo "{STATUS}" ;; esac\n'.replace(
            "`", "\\`"
        ),
    )
    found = main(script, tmp_path, monkeypatch)
    assert found['farol_fail2ban_bans_total{jail="sshd"}'] == "7"
    assert found['farol_fail2ban_bans_total{jail="farol-nginx-limits"}'] == "2"
    assert found['farol_fail2ban_banned{jail="sshd"}'] == "2"


def test_fail2ban_that_does_not_answer_has_no_figures(script, tmp_path, monkeypatch):
    command(tmp_path, "fail2ban-client", "echo 'Jail list: sshd'; exit 255\n")
    assert not any("fail2ban" in name for name in main(script, tmp_path, monkeypatch))
