"""No request is lost, whatever becomes of a release. tests/benchmark/deploy.py asks the same with more load and more often."""

from __future__ import annotations

from contextlib import contextmanager


def test_a_deploy_and_a_rollback_lose_no_request_and_no_web_socket_before_its_time(site):
    with site.load(websockets=3) as load, recorded(site, "scheduler") as events:
        site.deploy("1.1.0")
        assert site.version() == "1.1.0"
        site.rollback()
        assert site.version() == "1.0.0"
    report = load.report()
    assert report["hard"] == report["reset"] == 0 and report["sent"] > 500, report
    assert [version for _at, version in report["changes"]][:1] == ["1.0.0"]
    assert {"1.0.0", "1.1.0"} <= set(report["versions"])
    switched = report["versions"]["1.1.0"]["first"]
    cut = [socket["at"] for socket in report["websockets"]["cut"]]
    assert all(at > switched + 3 for at in cut), "they live on through the bake at least"
    assert events.count("die") == events.count("start") == 2, events
    assert most_at_once(events) == 1


@contextmanager
def recorded(site, service: str):
    """The starts and ends of a service's containers, as they happen: the engine itself keeps its last 256 events."""
    filters = f"--filter label=com.docker.compose.service={service} --filter event=start --filter event=die"
    watch = f"docker events {filters} --format '{{{{.Action}}}}' >/run/recorded 2>&1 & echo $! >/run/recorded.pid"
    site.lab.inside(watch)
    events: list[str] = []
    try:
        yield events
        events += site.lab.inside("cat /run/recorded").split()
    finally:
        site.lab.inside("kill $(cat /run/recorded.pid); rm /run/recorded*")


def most_at_once(events: list[str]) -> int:
    """How many ran at the same time, from when one did."""
    running = most = 1
    for event in events:
        running += 1 if event == "start" else -1
        most = max(most, running)
    return most


def test_an_unchanged_version_changes_nothing(lab):
    run = lab.playbook("molecule/deploy/converge.yml")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "changed=0" in run.stdout
