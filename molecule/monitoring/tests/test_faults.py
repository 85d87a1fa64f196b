"""Real faults, all at once, and when somebody is told."""

from __future__ import annotations

import time

import pytest
from conftest import Lab
from watch import until

# A name of its own, since a container that is gone has been restarted often for another quarter of an hour.
CRASH = f"drill-crash-{int(time.time())}"
# What is done to the host, what mends it, and the alert with the seconds until it is told.
FAULTS = {
    "PostgresqlDown": ("systemctl stop 'postgresql@*'", "systemctl restart postgresql", 60),
    "RedisDown": ("systemctl stop redis-server@queue", "systemctl start redis-server@queue", 60),
    "EndpointDown": (
        "docker stop -t 2 $(docker ps -qf name=api-blue-web)",
        "docker start $(docker ps -aqf name=api-blue-web)",
        60,
    ),
    "UnitFailed": (
        "systemd-run --quiet --unit=drill-unit false",
        "systemctl reset-failed drill-unit",
        120,
    ),
    "ContainerRestarting": (
        f"docker run -d --name {CRASH} --restart always --entrypoint false 172.30.99.4:5000/redis:7",
        f"docker rm -f {CRASH}",
        180,
    ),
}
# A loaded machine is slower than a host of its own; tests/benchmark has the figures that count.
PATIENCE = 2


def mend(host: Lab) -> None:
    for _fault, command, _limit in FAULTS.values():
        host.login().run(command)


@pytest.fixture(scope="module")
def told(lab, server, watcher, receiver):
    """Seconds from the faults, which come all at once, to Slack, by alert."""
    # A container that is gone has been restarted often for another quarter of an hour.
    others = FAULTS.keys() - {"ContainerRestarting"}
    until(lambda: not watcher.alerts() & others, 180, "a host without these alerts")
    start = time.time()
    server.check_output(" && ".join(fault for fault, *_ in FAULTS.values()))
    seconds: dict[str, float] = {}

    def all_told() -> bool:
        for name in FAULTS.keys() - seconds.keys():
            word = CRASH if name == "ContainerRestarting" else f"#{name.lower()}"
            for each in receiver.messages(word, lab.name, since=start):
                if each["to"] == "slack" and "Over:" not in str(each["body"]):
                    seconds.setdefault(name, each["at"] - start)
        return seconds.keys() == FAULTS.keys()

    try:
        deadline = start + 200 * PATIENCE
        while not all_told():
            assert time.time() < deadline, f"told of {seconds}, and all of {list(FAULTS)}"
            time.sleep(1)
        yield seconds
    finally:
        mend(lab)


@pytest.mark.parametrize("name", FAULTS)
def test_is_told_in_time(told, lab, name):
    print(f"{lab.name} {name}: {told[name]:.0f} s")
    assert told[name] < FAULTS[name][2] * PATIENCE


def test_slack_and_telegram_took_what_they_were_sent(told, lab, receiver):
    sent = [each for each in receiver.messages(lab.name) if each["to"] in ("slack", "telegram")]
    assert {each["to"] for each in sent} == {"slack", "telegram"}
    assert [each for each in sent if each["status"] != 200] == []


def test_a_message_names_the_thing_the_host_and_what_to_do(told, lab, receiver):
    text = next(
        m["body"]["text"]
        for m in receiver.messages("#postgresqldown", lab.name)
        if m["to"] == "telegram"
    )
    assert f"PostgreSQL on {lab.name} is down" in text
    assert "docs/alerts.md#postgresqldown" in text


def test_only_what_is_critical_goes_to_the_pager(told, lab, receiver):
    paged = [
        each["body"]["commonLabels"]["severity"]
        for each in receiver.messages(lab.name)
        if each["to"] == "webhook"
    ]
    assert set(paged) == {"critical"}


def test_a_crash_loop_does_not_flap(told, lab, receiver):
    assert receiver.messages(f"Over: container {CRASH} on {lab.name}") == []


def test_the_end_is_told_too(told, lab, receiver):
    mend(lab)
    over = f"Over: PostgreSQL on {lab.name} is down"
    until(lambda: receiver.messages(over, "telegram"), 240, over)


def test_who_is_away_is_told_later(lab, server, watcher, receiver):
    receiver.stop()
    word = f"told-later-{lab.name}"
    server.check_output(
        "amtool --alertmanager.url http://127.0.0.1:9093 alert add alertname=Drill severity=critical "
        f"host={lab.name} --annotation=summary={word}"
    )
    until(
        lambda: watcher.value("sum(alertmanager_notifications_failed_total)") or None,
        90,
        "a failure that shows",
    )
    receiver.start()
    until(lambda: receiver.messages(word), 120, "the message that was kept")


def test_the_dead_man_is_called_again_and_again(watcher, receiver):
    since = time.time()
    until(
        lambda: len([m for m in receiver.messages(since=since) if m["to"] == "alive"]) >= 2,
        120,
        "two calls",
    )
