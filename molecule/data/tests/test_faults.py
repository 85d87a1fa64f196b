"""Bad input is named before anything changes."""

from __future__ import annotations

ONLY = "data-trixie"
APP = {"name": "app", "owner": "app"}


def untouched(text):
    return "changed=0" in text and "nothing was changed" in text


def test_all_faults_of_the_options_are_named_at_once(lab, fails):
    text = fails(
        postgresql_databases=[{**APP, "pool": 95}, {"name": "shop", "owner": "shpo", "pool": 5}],
        postgresql_addresses=["0.0.0.0"],
        postgresql_settings={"port": 5433},
    )
    assert lab.name in text and untouched(text)
    assert "need 113 connections, and postgresql_max_connections is 100" in text
    assert "its owner shpo is not in postgresql_users" in text
    assert "0.0.0.0 is every address" in text
    assert "port is not set there; use postgresql_port" in text


def test_a_check_predicts_users_and_databases_that_are_not_there_yet(converge):
    users = [("app", "app"), ("reporter", "reporter"), ("shop", "shop")]
    done = converge(
        "--check",
        "--tags",
        "postgresql",
        postgresql_users=[{"name": user, "password": f"demo-only-{user}"} for user, _ in users],
        postgresql_databases=[
            {"name": "app", "owner": "app", "extensions": ["vector", "pg_trgm"], "pool": 20},
            {"name": "reports", "owner": "reporter", "pool_mode": "session"},
            {"name": "shop", "owner": "shop", "extensions": ["pg_trgm"]},
        ],
    )
    assert done.returncode == 0, done.stdout
    assert "changed: [data-trixie] => (item=shop)" in done.stdout


def test_another_major_version_is_refused_with_a_pointer(fails):
    text = fails(postgresql_source="pgdg", postgresql_version="18")
    assert "PostgreSQL 17 is installed, and 18 is wanted" in text
    assert "docs/data.md#major-versions" in text and untouched(text)


def test_the_projects_own_repository_is_added_only_when_it_answers(server, fails):
    text = fails("--tags", "postgresql_install", postgresql_source="pgdg", postgresql_version="17")
    assert "PostgreSQL's own repository is of no use to data-trixie" in text
    assert "https://apt.postgresql.org" in text
    assert not server.file("/etc/apt/sources.list.d/pgdg.sources").exists
    assert not server.file("/etc/apt/keyrings/pgdg.asc").exists


def test_faults_of_redis_are_named(fails):
    text = fails(
        "--tags",
        "redis",
        redis_instances=[{"name": "cache", "port": 6379, "kind": "cache", "maxmemory": "900gb"}],
        redis_users=[{"name": "app", "password": "CHANGE-ME"}],
        redis_addresses=["172.30.99.99"],
    )
    assert "921600 MB together" in text and "still holds CHANGE-ME" in text and untouched(text)
