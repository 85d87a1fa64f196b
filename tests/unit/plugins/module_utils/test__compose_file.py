from __future__ import annotations

import copy

import pytest
import yaml
from ansible_collections.farol.vps.plugins.module_utils import _compose

FILE = yaml.safe_load("""
name: shop
x-app: &app
  image: ghcr.io/acme/shop:${VERSION:-latest}
  environment: {REDIS_URL: "redis://redis/0", HOME_DIR: $HOME, DEBUG: true}
  depends_on:
    db: {condition: service_healthy}
services:
  app:
    <<: *app
    ports: ["8000:8000"]
    command: serve
    volumes: ["media:/srv/media"]
    networks: [default]
  worker:
    <<: *app
    command: work
    depends_on: [app, db, queue]
    volumes: ["media:/srv/media"]
  queue:
    image: rabbitmq:4
    ports: ["15672:15672"]
    labels: [team=core]
  debug:
    image: adminer:4
    build: .
    profiles: [debug]
  db:
    image: postgres:17
    environment: ["POSTGRES_DB=shop"]
    volumes: ["pg:/var/lib/postgresql/data", "shared:/shared"]
volumes:
  media:
  pg: {driver: local}
  shared: {external: true}
networks:
  default:
""")

APP = {
    "name": "shop",
    "domain": "shop.example.com",
    "version": "3.1",
    "port": 8000,
    "compose_file": "compose.yml",
    "compose": FILE,
    "service": "app",
    "accessories": {"db": {"secrets": {"POSTGRES_PASSWORD": "pw"}, "health": "pg_isready"}},
}
SAFE = {
    "restart": "unless-stopped",
    "init": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}
ENVIRONMENT = {"REDIS_URL": "redis://redis/0", "HOME_DIR": "$HOME", "DEBUG": "true"}


def test_the_file_as_a_release():
    bundle = _compose.release({**APP, "migrate": "upgrade", "env": {"DEBUG": False}})
    labels = {"farol.app": "shop", "farol.release": bundle.id}
    environment = {**ENVIRONMENT, "DEBUG": "false"}
    app = {
        **SAFE,
        "image": "ghcr.io/acme/shop:3.1",
        "environment": environment,
        "volumes": ["media:/srv/media"],
        "labels": labels,
    }
    assert bundle.public == {
        "services": {
            "web": {
                **app,
                "command": "serve",
                "ports": ["127.0.0.1:${FAROL_PORT:-0}:8000"],
                "networks": {"default": {"aliases": ["app"]}},
            },
            "worker": {
                **app,
                "command": "work",
                "depends_on": ["queue"],
                "healthcheck": {"disable": True},
            },
            "queue": {
                **SAFE,
                "image": "rabbitmq:4",
                "ports": ["127.0.0.1:15672:15672"],
                "environment": {"DEBUG": "false"},
                "labels": {"team": "core", **labels},
            },
            "migrate": {
                **app,
                "command": "upgrade",
                "restart": "no",
                "profiles": ["migrate"],
                "healthcheck": {"disable": True},
            },
        },
        "networks": {"default": {"name": "farol-shop", "external": True}},
        "volumes": {"media": {"name": "farol-shop-media"}},
    }
    assert bundle.secret == {"services": {}}
    assert bundle.id.startswith("3.1-")


def test_the_file_as_accessories():
    bundle = _compose.accessories(APP)
    assert bundle.public == {
        "services": {
            "db": {
                "restart": "unless-stopped",
                "security_opt": ["no-new-privileges:true"],
                "image": "postgres:17",
                "environment": {"POSTGRES_DB": "shop"},
                "volumes": ["pg:/var/lib/postgresql/data", "shared:/shared"],
                "healthcheck": {
                    "test": ["CMD-SHELL", "pg_isready"],
                    "interval": "2s",
                    "timeout": "5s",
                    "retries": 30,
                },
                "labels": {"farol.app": "shop", "farol.release": bundle.releases["db"]},
            }
        },
        "networks": {"default": {"name": "farol-shop", "external": True}},
        "volumes": {
            "pg": {"name": "farol-shop-pg", "driver": "local"},
            "shared": {"external": True},
        },
    }
    assert bundle.secret == {"services": {"db": {"environment": {"POSTGRES_PASSWORD": "pw"}}}}


def test_the_entry_goes_before_the_file():
    own = {
        "app": {"command": "serve --entry", "mem_limit": "1g", "env": {"DEBUG": 2}},
        "web": {"mem_limit": "2g"},
        "worker": {"command": "work $A", "secrets": {"KEY": "k"}, "volumes": None},
        "queue": {"image": "rabbitmq:3", "singleton": True},
        "extra": {"command": "more"},
    }
    app = {**APP, "services": own, "accessories": {"db": {"image": "postgres:16"}}}
    bundle = _compose.release(app)
    services = bundle.public["services"]
    assert list(services) == ["web", "worker", "queue", "extra"]
    assert (services["web"]["command"], services["web"]["mem_limit"]) == ("serve --entry", "2g")
    assert services["web"]["environment"]["DEBUG"] == "2"
    assert services["worker"]["command"] == "work $$A"
    assert "volumes" not in services["worker"]
    assert services["queue"]["image"] == "rabbitmq:3"
    assert services["extra"]["image"] == "ghcr.io/acme/shop:3.1"
    assert bundle.secret["services"] == {"worker": {"environment": {"KEY": "k"}}}
    assert _compose.release(app, singletons=False).services == ["web", "worker", "extra"]
    database = _compose.accessories(app).public["services"]["db"]
    assert database["image"] == "postgres:16"


def test_the_command_of_the_entry_is_that_of_the_web_service():
    services = _compose.release({**APP, "command": "go"}).public["services"]
    assert (services["web"]["command"], services["worker"]["command"]) == ("go", "work")


@pytest.mark.parametrize(
    ("more", "image"),
    [
        ({"image": "reg/shop"}, "reg/shop:3.1"),
        ({"source": {"git": "https://x/y"}}, "farol/shop:3.1"),
        ({"version": "sha256:" + "ab" * 32}, "ghcr.io/acme/shop@sha256:" + "ab" * 32),
    ],
    ids=["image", "source", "digest"],
)
def test_the_image_of_the_entry_replaces_that_of_the_web_service(more, image):
    images = _compose.images(_compose.release({**APP, **more}).public)
    assert images == {"web": image, "worker": image, "queue": "rabbitmq:4"}


@pytest.mark.parametrize("written", ["a:$VERSION", "a:${VERSION}", "a:${VERSION:?needed}"])
def test_the_version_reaches_the_file(written):
    compose = {"services": {"web": {"image": written}}}
    web = _compose.release({**APP, "compose": compose, "service": "web"}).public["services"]["web"]
    assert web["image"] == "a:3.1"
    assert "networks" not in web


def test_a_service_behind_a_profile_can_be_taken_in():
    own = {"debug": {"profiles": None}}
    assert "debug" in _compose.release({**APP, "services": own}).services


def test_a_good_file_has_no_faults():
    before = copy.deepcopy(APP)
    assert _compose.compose_faults(APP) == []
    assert before == APP


OTHER = "all containers of an application share one network, where each is reached by its name"


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("build", ".", "build: a release starts images; take it out and use the entry's source"),
        (
            "container_name",
            "x",
            "container_name: both colours of a release run at once; take it out",
        ),
        ("extends", {"service": "x"}, "extends: the other service may not be on the host; write"),
        ("env_file", ".env", "env_file: the file is not on the host; put its values into env and"),
        ("network_mode", "host", f"network_mode: {OTHER}; take it out"),
        ("networks", ["inner"], f"networks: {OTHER}; take it out"),
        ("networks", {"default": {}, "inner": {}}, f"networks: {OTHER}; take it out"),
        ("secrets", ["pw"], "secrets: put its values into the entry's secrets or mount a path"),
        ("configs", ["c"], "configs: put its values into the entry's secrets or mount a path"),
        ("links", ["db"], f"links: {OTHER}; take it out"),
        ("volumes_from", ["db"], "volumes_from: name a volume and mount it in both"),
        ("volumes", ["a:/a", "./x:/x"], "volumes[1]: is relative to a folder that is not on the"),
        ("volumes", [{"type": "bind", "source": "../x"}], "volumes[0]: is relative to a folder"),
        ("ports", ["${IP:-}:80:80"], "ports[0]: its address is a variable; write the address out"),
        ("ports", [{"target": 80, "host_ip": "$IP"}], "ports[0]: its address is a variable; write"),
        ("image", "rabbitmq:${TAG:-4}", "image: VERSION is its only variable here; write the rest"),
    ],
)
def test_what_can_not_be_taken_over_is_named(key, value, fault):
    compose = copy.deepcopy(FILE)
    compose["services"]["queue"][key] = value
    faults = _compose.compose_faults({**APP, "compose": compose})
    assert len(faults) == 1
    assert faults[0].startswith(f"compose_file: services.queue.{fault}")


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("secrets", {"pw": {"file": "x"}}, "secrets: put its values into the entry's secrets"),
        ("configs", {"c": {"file": "x"}}, "configs: put its values into the entry's secrets"),
        ("include", ["x.yml"], "include: can't be taken over; write what it holds into services"),
        ("networks", {"inner": None}, f"networks.inner: {OTHER}; take it out"),
        ("networks", {"default": {"external": True}}, f"networks.default: {OTHER}; take it out"),
        ("services", None, "has no services; name a compose file"),
    ],
)
def test_what_is_not_a_service_is_named(key, value, fault):
    faults = _compose.compose_faults({**APP, "compose": {**FILE, key: value}})
    assert len(faults) == 1
    assert faults[0].startswith(f"compose_file: {fault}")


KNOWN = "it has app, worker, queue, debug, db"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"compose": []}, "has no services; name a compose file"),
        ({"service": "shop"}, f"there is no service shop in it, which service names; {KNOWN}"),
        (
            {"accessories": {"db": {}, "redis": {}}},
            f"there is no service redis in it, which accessories names; {KNOWN}",
        ),
        (
            {"services": {"wrker": {"env": {}}}},
            f"there is no service wrker in it, which services names; {KNOWN}; a service that",
        ),
        ({"accessories": {"app": {}}}, "service app is under accessories too; it can't be both"),
    ],
)
def test_a_name_that_is_not_in_the_file_is_found(more, fault):
    faults = _compose.compose_faults({**APP, **more})
    assert len(faults) == 1
    assert faults[0].startswith(f"compose_file: {fault}")


@pytest.mark.parametrize(
    ("services", "fault"),
    [
        (
            {"web": {"image": "x"}},
            "services.web: a release has a container of that name already; rename",
        ),
        (
            {"migrate": {"image": "x"}},
            "services.migrate: a release has a container of that name already; use",
        ),
        (
            {"app": {"command": "x"}},
            "services.app.image: missing; set it there, or image or source",
        ),
        ({"queue": "x"}, "services.queue: expected a mapping of attributes"),
    ],
)
def test_a_service_that_does_not_fit_is_found(services, fault):
    compose = {"services": {**FILE["services"], **services}}
    faults = _compose.compose_faults({**APP, "compose": compose})
    assert len(faults) == 1
    assert faults[0].startswith(f"compose_file: {fault}")


def test_an_image_that_the_entry_replaces_may_have_variables():
    compose = copy.deepcopy(FILE)
    compose["services"]["app"]["image"] = "${REGISTRY}/shop"
    compose["services"]["db"]["image"] = "postgres:${PG}"
    compose["services"]["queue"]["image"] = "$QUEUE"
    replaced = {
        "image": "reg/shop",
        "accessories": {"db": {"image": "postgres:17"}},
        "services": {"queue": {"image": "rabbitmq:4"}},
    }
    assert _compose.compose_faults({**APP, "compose": compose, **replaced}) == []


def test_an_accessory_may_be_in_the_entry_alone():
    app = {**APP, "accessories": {"redis": {"image": "redis:8"}}}
    assert _compose.compose_faults(app) == []
    assert list(_compose.accessories(app).public["services"]) == ["redis"]
