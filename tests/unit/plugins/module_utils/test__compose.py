from __future__ import annotations

import json

from ansible_collections.farol.vps.plugins.module_utils import _compose

APP = {
    "name": "api",
    "domain": "api.example.com",
    "image": "ghcr.io/acme/api",
    "version": "1.4.2",
    "port": 8000,
    "env": {"LOG_LEVEL": "info", "DEBUG": False, "PRICE": "5$ or $HOME"},
    "secrets": {"DATABASE_URL": "postgresql://app:pa$$w$rd@postgres/app"},
    "services": {"worker": {"command": "celery -A app worker", "env": {"LOG_LEVEL": "debug"}}},
    "migrate": "alembic upgrade head",
    "accessories": {
        "postgres": {
            "image": "postgres:17",
            "secrets": {"POSTGRES_PASSWORD": "pa$$w$rd"},
            "volumes": [
                "postgres:/var/lib/postgresql/data",
                "/srv/init:/docker-entrypoint-initdb.d:ro",
            ],
            "health": "pg_isready -U $POSTGRES_USER",
        },
        "redis": {"image": "redis:8", "command": "redis-server --appendonly yes"},
    },
}


def test_a_release_has_the_web_service_its_neighbours_and_the_migration():
    services = _compose.release(APP).public["services"]
    assert list(services) == ["web", "worker", "migrate"]
    assert services["web"]["ports"] == ["127.0.0.1:${FAROL_PORT:-0}:8000"]
    assert services["worker"]["command"] == "celery -A app worker"
    assert services["migrate"]["profiles"] == ["migrate"]
    assert services["migrate"]["restart"] == "no"
    assert "ports" not in services["worker"]


def test_values_reach_the_container_word_for_word():
    environment = _compose.release(APP).public["services"]["web"]["environment"]
    assert environment == {"LOG_LEVEL": "info", "DEBUG": "false", "PRICE": "5$$ or $$HOME"}


def test_a_service_overrides_the_environment_it_shares():
    services = _compose.release(APP).public["services"]
    assert services["worker"]["environment"]["LOG_LEVEL"] == "debug"


def test_secrets_are_in_the_secret_document_only():
    for bundle in (_compose.release(APP), _compose.accessories(APP)):
        assert "pa$" not in json.dumps(bundle.public)
    secret = _compose.release(APP).secret["services"]
    expected = "postgresql://app:pa$$$$w$$rd@postgres/app"
    assert {name: s["environment"]["DATABASE_URL"] for name, s in secret.items()} == {
        "web": expected,
        "worker": expected,
        "migrate": expected,
    }


def test_containers_run_with_as_little_as_they_need():
    for service in _compose.release(APP).public["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["init"] is True


def test_the_name_of_a_release_follows_its_content():
    name = _compose.release(APP).id
    assert name.startswith("1.4.2-")
    assert _compose.release(dict(APP)).id == name
    assert _compose.release({**APP, "secrets": {"DATABASE_URL": "other"}}).id != name
    assert _compose.release({**APP, "env": {}}).id != name


def test_every_container_carries_its_app_and_release():
    bundle = _compose.release(APP)
    for service in bundle.public["services"].values():
        assert service["labels"] == {"farol.app": "api", "farol.release": bundle.id}


def test_a_digest_is_a_version_too():
    app = {**APP, "version": "sha256:" + "ab" * 32}
    assert _compose.image(app) == "ghcr.io/acme/api@sha256:" + "ab" * 32
    assert _compose.release(app).id.startswith("ab" * 20 + "-")


def test_accessories_keep_named_volumes_and_bind_mounts():
    bundle = _compose.accessories(APP)
    assert bundle.public["volumes"] == {"postgres": {"name": "farol-api-postgres"}}
    assert bundle.public["services"]["redis"]["command"] == "redis-server --appendonly yes"
    assert bundle.public["services"]["postgres"]["healthcheck"]["test"] == [
        "CMD-SHELL",
        "pg_isready -U $$POSTGRES_USER",
    ]


def test_accessories_do_not_follow_the_version_of_the_app():
    assert _compose.accessories({**APP, "version": "2.0"}).id == _compose.accessories(APP).id


def test_a_change_to_one_accessory_leaves_the_others_as_they_are():
    before = {"cache": {"image": "redis:8"}, "db": {"image": "postgres:17", "secrets": {"A": "x"}}}
    old = _compose.accessories({**APP, "accessories": before}).releases
    for changed in ({"image": "redis:8", "env": {"A": 1}}, {"image": "redis:9"}):
        new = _compose.accessories({**APP, "accessories": {**before, "cache": changed}}).releases
        assert new["db"] == old["db"] and new["cache"] != old["cache"]
    secret = {"image": "postgres:17", "secrets": {"A": "y"}}
    new = _compose.accessories({**APP, "accessories": {**before, "db": secret}}).releases
    assert new["db"] != old["db"] and new["cache"] == old["cache"]


def test_no_accessories_no_project():
    assert _compose.accessories({**APP, "accessories": {}}) is None


def test_the_image_runs_its_own_command_unless_told():
    assert "command" not in _compose.release(APP).public["services"]["web"]
    web = _compose.release({**APP, "command": "serve --price $5"}).public["services"]["web"]
    assert web["command"] == "serve --price $$5"
