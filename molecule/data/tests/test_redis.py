"""Redis as a container, the host and the world see it."""

from __future__ import annotations

import subprocess
import time

import pytest

ONLY = HOST = "data-noble-primary"
REPLICA = "data-noble-replica"
CACHE, QUEUE = 6379, 6380
ADMIN = "/usr/local/lib/farol/redis cli"


def value(server, instance, section, name):
    lines = server.check_output(f"{ADMIN} {instance} INFO {section}").splitlines()
    return dict(line.strip().split(":", 1) for line in lines if ":" in line)[name]


@pytest.mark.parametrize("port", [CACHE, QUEUE])
def test_a_container_works_on_data_and_not_on_the_server(containers, port):
    assert containers.redis("SET greeting hello", port=port).stdout == "OK\n"
    assert containers.redis("GET greeting", port=port).stdout == "hello\n"
    for forbidden in (
        "CONFIG GET maxmemory",
        "CONFIG SET maxmemory 0",
        "KEYS *",
        "SHUTDOWN",
        "ACL LIST",
    ):
        assert "NOPERM" in containers.redis(forbidden, port=port).stdout, forbidden


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"user": ""}, "NOAUTH"),
        ({"secret": "wrong"}, "NOAUTH"),
        ({"user": "farol", "secret": "x"}, "NOAUTH"),
    ],
)
def test_nobody_gets_in_without_a_name_and_its_password(containers, how, said):
    answer = containers.redis("GET greeting", **how)
    assert said in answer.stdout + answer.stderr and "hello" not in answer.stdout


def test_the_exporter_sees_statistics_and_no_data(containers):
    assert "used_memory" in containers.redis("INFO memory", user="monitoring").stdout
    containers.redis("RPUSH celery one two")
    assert containers.redis("LLEN celery", user="monitoring").stdout == "2\n"
    for forbidden in (
        "GET greeting",
        "LLEN other",
        "LRANGE celery 0 -1",
        "CONFIG GET masterauth",
        "CLIENT PAUSE 1",
    ):
        assert "NOPERM" in containers.redis(forbidden, user="monitoring").stdout, forbidden


FILL = "sh -c 'for i in $(seq {count}); do echo SET fill:$i $(head -c 50000 /dev/zero | tr \\\\0 x); done | {cli}'"


def fill(server, instance, count):
    """Write so many values of 50 kB. What was answered."""
    return server.run(FILL.format(count=count, cli=f"{ADMIN} {instance}")).stdout


def test_a_full_cache_evicts(server, containers):
    assert "OOM" not in fill(server, "cache", 150)
    assert int(value(server, "cache", "stats", "evicted_keys")) > 50
    assert containers.redis("SET after full").stdout == "OK\n"


def test_a_full_queue_refuses_writes_and_loses_nothing(server, containers):
    containers.redis("SET first job", port=QUEUE)
    assert "OOM command not allowed" in fill(server, "queue", 150)
    assert value(server, "queue", "stats", "evicted_keys") == "0"
    assert containers.redis("GET first", port=QUEUE).stdout == "job\n"
    server.check_output(f"{ADMIN} queue FLUSHALL")


def test_a_queue_survives_being_killed(server, containers):
    containers.redis("RPUSH jobs one two three", port=QUEUE)
    time.sleep(5)  # it synchronises every second, or later where the disk is busy
    server.check_output("systemctl kill --signal KILL redis-server@queue")
    for _ in range(50):
        if server.run(f"{ADMIN} queue PING").stdout == "PONG\n":
            break
        time.sleep(0.1)
    assert containers.redis("LRANGE jobs 0 -1", port=QUEUE).stdout == "one\ntwo\nthree\n"


def test_a_replica_has_the_data_and_takes_no_writes(server):
    def ask(command):
        asked = ["docker", "exec", REPLICA, *ADMIN.split(), "queue", *command.split()]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()

    server.check_output(f"{ADMIN} queue SET streamed yes")
    for _ in range(100):
        if ask("GET streamed") == "yes":
            break
        time.sleep(0.1)
    assert ask("GET streamed") == "yes"
    assert "READONLY" in ask("SET x 1")


def test_a_new_user_restarts_nothing_and_a_bad_directive_changes_nothing(
    server, converge, fails, containers
):
    before = value(server, "queue", "server", "run_id")
    users = [
        {"name": "app", "password": "demo-only-redis"},
        {"name": "other", "password": "demo-only-app", "keys": ["other:*"]},
    ]
    done = converge("--tags", "redis_configure", "--diff", redis_users=users)
    assert done.returncode == 0, done.stdout
    assert "demo-only" not in done.stdout
    assert containers.redis("SET other:1 x", user="other", secret="demo-only-app").stdout == "OK\n"
    assert "NOPERM" in containers.redis("GET first", user="other", secret="demo-only-app").stdout
    instances = [
        {"name": "cache", "port": CACHE, "kind": "cache", "maxmemory": "4mb"},
        {
            "name": "queue",
            "port": QUEUE,
            "kind": "queue",
            "maxmemory": "4mb",
            "settings": {"appendfsync": "never"},
        },
    ]
    text = fails("--tags", "redis_configure", redis_instances=instances)
    assert "appendfsync" in text
    assert value(server, "queue", "server", "run_id") == before
