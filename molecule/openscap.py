"""OpenSCAP's CIS level 1 for servers of Ubuntu 24.04, whose content is in Debian 13's package."""

from __future__ import annotations

import re
import subprocess

CONTENT = "/usr/share/xml/scap/ssg/content/ssg-ubuntu2404-ds.xml"
PROFILE = "xccdf_org.ssgproject.content_profile_cis_level1_server"
RULE = "xccdf_org.ssgproject.content_rule_"
INSTALL = "apt-get install -qq -y --no-install-recommends"


def inside(host: str, command: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["docker", "exec", "-i", host, "sh", "-c", command],
        input=given,
        capture_output=True,
        check=True,
    ).stdout


def prepare(noble: str, trixie: str) -> None:
    inside(trixie, f"{INSTALL} ssg-debderived")
    inside(noble, f"{INSTALL} openscap-common openscap-scanner")
    inside(noble, "cat >/root/content.xml", inside(trixie, f"cat {CONTENT}"))


def scan(noble: str, skip: str = "") -> tuple[float, set[str]]:
    """The score, and the rules that failed; a rule to skip does not count."""
    options = f"--skip-rule {RULE}{skip}" if skip else ""
    # It exits 2 when a rule failed.
    inside(
        noble,
        f"oscap xccdf eval --profile {PROFILE} {options} --results /root/results.xml /root/content.xml || test $? = 2",
    )
    results = inside(noble, "cat /root/results.xml").decode()
    score = float(re.findall(r"<score[^>]*>([\d.]+)", results)[0])
    failed = rf'<rule-result idref="{RULE}([\w-]+)"[^>]*>\s*<result>fail</result>'
    return score, set(re.findall(failed, results))
