"""Hosts that leave by themselves, die, or are all gone."""

from __future__ import annotations

import subprocess
import time

ONLY = "edge"
STATE = "/var/lib/farol/apps/api"


def docker(*command: str) -> None:
    subprocess.run(["docker", *command], check=True, capture_output=True)


def test_a_host_whose_release_closes_the_health_path_leaves_and_comes_back(balancer, as_before):
    """What app_out_seconds does before a release."""
    since = balancer.now()
    with balancer.load() as load:
        balancer.on("balancer-a", f"touch {STATE}/out")
        balancer.until(lambda: balancer.flags() == ["down-a"])
        out = load.now()
        time.sleep(8)
        assert load.versions["balancer-a"]["last"] < out + 5
        balancer.on("balancer-a", f"rm {STATE}/out")
        balancer.until(lambda: balancer.flags() == [])
        back = load.now()
        balancer.until(lambda: load.versions["balancer-a"]["last"] > back)
    report = load.report()
    assert report["hard"] == report["reset"] == 0, report
    assert balancer.said(since) == ["api: a is down: answered 503", "api: a is up again"]


def test_nobody_stays_out_because_the_service_that_watches_died(balancer, as_before):
    # What it leaves can be seen for as long as it takes to come back.
    late = "/run/systemd/system/farol-balancer.service.d"
    balancer.lab.inside(
        f"mkdir {late}; printf '[Service]\nRestartSec=15\n' >{late}/late.conf; systemctl daemon-reload"
    )
    balancer.on("balancer-a", f"touch {STATE}/out")
    try:
        balancer.until(lambda: balancer.flags() == ["down-a"])
        balancer.lab.inside("systemctl kill --signal KILL farol-balancer")
        balancer.until(lambda: balancer.flags() == [], seconds=14)
        balancer.until(lambda: balancer.flags() == ["down-a"])
    finally:
        balancer.on("balancer-a", f"rm {STATE}/out")
        balancer.lab.inside(f"rm -r {late}; systemctl daemon-reload")


def test_a_host_that_dies_costs_no_get(balancer, as_before):
    with balancer.load() as load, balancer.load(rate=20, kinds=("post",)) as posts:
        time.sleep(1)
        docker("kill", "balancer-a")
        try:
            balancer.until(lambda: balancer.flags() == ["down-a"])
            time.sleep(2)
        finally:
            docker("start", "balancer-a")
        back = load.now()
        balancer.until(lambda: balancer.flags() == [], seconds=60)
        balancer.until(lambda: load.versions["balancer-a"]["last"] > back)
    report, posted = load.report(), posts.report()
    assert report["hard"] == report["reset"] == 0, report
    # What was under way may have had its effect, so nobody sends it again.
    assert set(posted["reasons"]) <= {"502"} and posted["hard"] <= 3, posted


def test_a_host_that_vanishes_costs_what_it_was_asked_until_it_was_missed(balancer, as_before):
    """Without a last word, as when the power fails: open connections seem to be in order."""
    with balancer.load(timeout=15) as load:
        time.sleep(1)
        vanished = load.now()
        docker("pause", "balancer-b")
        try:
            balancer.until(lambda: balancer.flags() == ["down-b"])
            missed = load.now()
            time.sleep(17)  # longer than a client waits
        finally:
            docker("unpause", "balancer-b")
        balancer.until(lambda: balancer.flags() == [])
    report = load.report()
    assert report["reset"] == 0 and set(report["reasons"]) <= {"timeout"}, report
    assert report["hard"] < (missed - vanished) * report["rate"] / 3, report
    assert all(vanished - 1 <= second <= missed for second in report["errors"]), report


def test_without_any_host_there_is_a_page_and_nothing_that_keeps_them_out(balancer, as_before):
    since = balancer.now()
    for host in ("balancer-a", "balancer-b"):
        balancer.on(host, "systemctl stop nginx")
    try:
        helpless = "api: no host is left, so those that are down are asked all the same"
        balancer.until(lambda: helpless in balancer.said(since))
        assert balancer.flags() == []
        answer = balancer.get("/")
        assert answer.status == 502 and "does not answer at the moment" in answer.body
        assert answer.headers["strict-transport-security"] == "max-age=63072000"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["retry-after"] == "60"
        assert len(answer.headers["x-request-id"]) == 32
    finally:
        for host in ("balancer-a", "balancer-b"):
            balancer.on(host, "systemctl start nginx")
    balancer.until(lambda: balancer.get("/").status == 200)
    assert balancer.said(since).count(helpless) == 1


def test_requests_that_the_application_hangs_up_on_cost_the_others_nothing(balancer, as_before):
    """If Nginx took them for a sign of a dead host, one client could take out all of them."""
    with balancer.load() as load:
        for _ in range(6):
            assert balancer.get("/silent").status == 502
    report = load.report()
    assert report["hard"] == report["reset"] == 0, report
    assert set(report["versions"]) == {"balancer-a", "balancer-b"}
