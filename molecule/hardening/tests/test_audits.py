"""What auditors' tools say of the hosts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import openscap
import pytest

# Of a container with Docker and Nginx; docs/measurements.md has the score with the kernel's settings in force.
LYNIS = 88
# What CIS level 1 asks for and a farol host does not have, and why.
CIS_WAIVED = {
    "package_nginx_removed": "serving is what the host is for",
    "package_iptables-persistent_installed": "it excludes UFW, which keeps the rules",
    "file_groupowner_backup_etc_gshadow": "Debian's programs write it with the group shadow, and mode 0",
    "file_permission_user_init_files": "the homes around them are closed to others",
}
CLASSIC = {
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
}


def ssh_audit(lab) -> dict[str, set[str]]:
    """Algorithms by what ssh-audit says of them: `fail` and `warn`."""
    lab.forget_connections()
    command = [Path(sys.executable).with_name("ssh-audit"), "--json", "--skip-rate-test"]
    seen = subprocess.run(
        [*command, lab.address], capture_output=True, text=True, timeout=60, check=False
    )
    report = json.loads(seen.stdout)
    assert report["kex"] and report["key"] and report["enc"] and report["mac"]
    found: dict[str, set[str]] = {"fail": set(), "warn": set()}
    for kind in ("kex", "key", "enc", "mac"):
        for algorithm in report[kind]:
            for level in found:
                if algorithm.get("notes", {}).get(level):
                    found[level].add(algorithm["algorithm"])
    return found


def test_ssh_audit_warns_of_nothing_but_key_exchanges_of_before(lab):
    assert ssh_audit(lab) == {"fail": set(), "warn": CLASSIC}


@pytest.mark.only_on("jammy", "resolute")  # the oldest OpenSSH and the newest
def test_ssh_audit_is_silent_at_paranoid(lab):
    access = ("molecule/hardening/converge.yml", "--tags", "hardening_access")
    run = lab.playbook(*access, "-e", "hardening_level=paranoid")
    assert run.returncode == 0, run.stdout
    found = ssh_audit(lab)
    back = lab.playbook(*access)
    assert found == {"fail": set(), "warn": set()}
    assert back.returncode == 0, back.stdout


@pytest.mark.only_on("noble")
def test_lynis_finds_little_with_a_reason_each_and_fails_below_the_minimum(lab, tmp_path):
    to = ("-e", f"hardening_audit_to={tmp_path}", "-e", "hardening_audit_minimum=100")
    run = lab.playbook("playbooks/audit.yml", *to)
    said = " ".join(run.stdout.split())
    assert run.returncode != 0 and "below hardening_audit_minimum (100)" in said
    assert int(re.search(r"gives (\d+) at level", said)[1]) >= LYNIS
    report = (tmp_path / f"{lab.name}.md").read_text()
    assert "No reason known" not in report, report
    assert "Stays: " in report and "the kernel is not this host's own" in report


@pytest.mark.only_on("noble")  # whose content it is
def test_cis_level_1_fails_in_what_is_waived_alone(lab):
    openscap.prepare(lab.name, "hardening-trixie")
    score, failed = openscap.scan(lab.name)
    assert failed <= CIS_WAIVED.keys()
    assert score >= 91
