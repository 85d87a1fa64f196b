"""The fire drill: a test alert, and a fault on purpose."""

from __future__ import annotations

ONLY = "noble"
PLAYBOOK = "playbooks/fire_drill.yml"


def said(done) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_a_test_alert_reaches_everybody(lab, receiver):
    done = lab.playbook(PLAYBOOK)
    assert done.returncode == 0, said(done)
    assert "slack after" in said(done) and "telegram after" in said(done)
    drill = receiver.messages(f"Fire drill on {lab.name}")
    assert {each["to"] for each in drill} >= {"slack", "telegram"}


def test_a_receiver_that_is_away_fails_the_drill_by_name(lab, receiver):
    receiver.stop()
    try:
        done = lab.playbook(PLAYBOOK, "-e", "drill_timeout=25")
    finally:
        receiver.start()
    assert done.returncode != 0
    assert "not told: slack, telegram" in said(done) or "not told: telegram, slack" in said(done)


def test_a_real_fault_is_measured_and_mended(lab, server):
    done = lab.playbook(PLAYBOOK, "-e", "drill=redis", "-e", "drill_timeout=150")
    assert done.returncode == 0, said(done)
    assert server.run("systemctl is-active redis-server@cache").stdout.strip() == "active"


def test_nothing_is_broken_outside_the_lab(lab):
    done = lab.playbook(PLAYBOOK, "-e", "drill=nonsense")
    assert done.returncode != 0
    assert "it has to be one of app, postgresql, redis" in said(done)
