"""Valkey where it is wanted in place of Redis: the same users and rules."""

from __future__ import annotations

ONLY = "data-trixie"
ADMIN = "/usr/local/lib/farol/redis cli"


def ask(server, user, secret, command):
    return server.run(
        f"REDISCLI_AUTH={secret} valkey-cli --no-auth-warning --user {user} {command}"
    ).stdout


def test_it_is_valkey_that_runs(server):
    for instance in ("cache", "queue"):
        assert "server_name:valkey" in server.check_output(f"{ADMIN} {instance} INFO server")


def test_a_user_works_on_data_and_not_on_the_server(server):
    assert ask(server, "app", "demo-only-redis", "SET greeting hello") == "OK\n"
    assert ask(server, "app", "demo-only-redis", "GET greeting") == "hello\n"
    assert "NOPERM" in ask(server, "app", "demo-only-redis", "CONFIG GET maxmemory")
    assert "hello" not in ask(server, "app", "wrong", "GET greeting")
    assert "NOPERM" in ask(server, "monitoring", "demo-only-monitoring", "GET greeting")


def test_a_cache_keeps_nothing_and_a_queue_everything(server):
    for instance in ("cache", "queue"):
        server.check_output(f"{ADMIN} {instance} SET kept yes")
        server.check_output(f"systemctl restart valkey-server@{instance}")
    assert server.check_output(f"{ADMIN} cache EXISTS kept") == "0"
    assert server.check_output(f"{ADMIN} queue GET kept") == "yes"
