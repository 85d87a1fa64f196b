"""Every kind of health check against the real thing."""

from __future__ import annotations


def test_every_kind_of_health_check_tells_well_from_ill(lab):
    run = lab.playbook("molecule/served/tests/checks.yml")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 passed, 4 failed" in run.stdout
    assert "not-the-password" not in run.stdout
