"""audit.yml without Lynis, which molecule/hardening tests: faults that were put there are found, and the history tells."""

from __future__ import annotations

import json


def test_faults_are_found_and_gone_when_they_are_mended(lab, server, tmp_path):
    def audit(*options):
        lab.forget_connections()
        given = ("-e", f"audit_report_dir={tmp_path}", "-e", "audit_with_lynis=false", *options)
        ran = lab.playbook("playbooks/audit.yml", *given)
        made = json.loads((tmp_path / "report.json").read_text())
        return ran, made, made["places"][lab.name]

    secret = server.check_output("ls /opt/farol/apps/api/accessories/secrets.json")
    image = server.check_output("docker image ls --quiet 172.30.99.4:5000/redis").split()[0]
    lab.inside(
        f"chmod 0666 {secret}; docker run -d --rm --name open -p 0.0.0.0:8091:6379 {image}; "
        "touch /run/reboot-required"
    )
    try:
        ran, _made, before = audit("-e", "audit_minimum=90")
    finally:
        lab.inside(f"chmod 0600 {secret}; docker rm -f open; rm /run/reboot-required")
    assert ran.returncode != 0 and f"{secret} has mode 0666" in " ".join(ran.stdout.split())
    assert {f"secret:{secret}", "container:open", "reboot"} <= set(before["open"])
    assert not any(name.startswith("port:") for name in before["open"]), "UFW keeps it closed"

    ran, made, after = audit("-e", '{"audit_accepted": {"ssh:*": "clients of today"}}')
    assert ran.returncode == 0, ran.stdout
    assert {f"secret:{secret}", "container:open", "reboot"} <= set(after["gone"])
    assert after["score"] > before["score"] == after["before"]
    assert not any(one["tool"] == "ssh-audit" and not one["reason"] for one in after["findings"])
    assert all(one["remedy"] for one in after["findings"])
    assert {"what": "lynis", "host": lab.name, "why": "audit_with_lynis is false"} in made[
        "skipped"
    ]
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2
    assert "clients of today" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "report.json").stat().st_mode & 0o077 == 0
