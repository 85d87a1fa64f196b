from __future__ import annotations

import json

import pytest
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
    assert _compose.release(app).id.startswith("ab" * 32 + "-")


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


LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
DEFAULTS = {"mem_limit": "1g", "cpus": 2, "pids_limit": 512, "logging": LOGGING}
SMALL = {
    "name": "blog",
    "domain": "blog.example.com",
    "image": "acme/blog",
    "version": "2.0",
    "port": 80,
}


def labels(bundle, name=None):
    release = bundle.releases[name] if name else bundle.id
    return {"farol.app": "blog", "farol.release": release}


def test_a_release_with_the_defaults_of_the_role():
    bundle = _compose.release(
        {
            **SMALL,
            "secrets": {"KEY": "k"},
            "services": {
                "worker": {
                    "command": ["work", "--price=$5"],
                    "mem_limit": "2g",
                    "init": None,
                    "secrets": {"TOKEN": "t$"},
                },
                "mail": {"image": "mailhog/mailhog:v1", "ports": ["8025:8025"], "cpus": None},
            },
        },
        DEFAULTS,
    )
    common = {
        "restart": "unless-stopped",
        "init": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        **DEFAULTS,
        "environment": {},
        "labels": labels(bundle),
    }
    app = {**common, "image": "acme/blog:2.0"}
    worker = {
        **app,
        "command": ["work", "--price=$$5"],
        "mem_limit": "2g",
        "healthcheck": {"disable": True},
    }
    mail = {**common, "image": "mailhog/mailhog:v1", "ports": ["127.0.0.1:8025:8025"]}
    del worker["init"], mail["cpus"]
    assert bundle.public == {
        "services": {
            "web": {**app, "ports": ["127.0.0.1:${FAROL_PORT:-0}:80"]},
            "worker": worker,
            "mail": mail,
        },
        "networks": {"default": {"name": "farol-blog", "external": True}},
    }
    assert bundle.secret == {
        "services": {
            "web": {"environment": {"KEY": "k"}},
            "worker": {"environment": {"KEY": "k", "TOKEN": "t$$"}},
            "mail": {"environment": {"KEY": "k"}},
        }
    }


def test_accessories_are_not_limited_by_guesses_nor_robbed_of_capabilities():
    database = {
        "image": "postgres:17",
        "environment": ["POSTGRES_DB=a$b", "TZ=UTC"],
        "env": {"TZ": "CET"},
        "volumes": [{"type": "volume", "source": "data", "target": "/data"}, "/anonymous"],
        "depends_on": ["cache", "web"],
        "shm_size": "1g",
    }
    bundle = _compose.accessories(
        {**SMALL, "accessories": {"db": database, "cache": {"image": "redis:8", "cpus": 1}}},
        DEFAULTS,
    )
    common = {
        "restart": "unless-stopped",
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": 512,
        "logging": LOGGING,
    }
    assert bundle.public == {
        "services": {
            "db": {
                **common,
                "image": "postgres:17",
                "environment": {"POSTGRES_DB": "a$$b", "TZ": "CET"},
                "volumes": [{"type": "volume", "source": "data", "target": "/data"}, "/anonymous"],
                "depends_on": ["cache"],
                "shm_size": "1g",
                "labels": labels(bundle, "db"),
            },
            "cache": {
                **common,
                "image": "redis:8",
                "cpus": 1,
                "environment": {},
                "labels": labels(bundle, "cache"),
            },
        },
        "networks": {"default": {"name": "farol-blog", "external": True}},
        "volumes": {"data": {"name": "farol-blog-data"}},
    }


def test_the_web_service_can_be_overridden():
    app = {**APP, "services": {"web": {"command": "other", "env": {"A": 1}, "cap_add": ["CHOWN"]}}}
    services = _compose.release({**app, "command": "serve"}).public["services"]
    assert list(services) == ["web", "migrate"]
    assert services["web"]["command"] == "other"
    assert services["web"]["environment"]["A"] == "1"
    assert services["web"]["cap_add"] == ["CHOWN"]
    assert services["web"]["ports"] == ["127.0.0.1:${FAROL_PORT:-0}:8000"]
    assert "healthcheck" not in services["web"]


def test_a_migration_runs_in_a_container_like_that_of_the_web_service():
    web = {"user": "1000", "volumes": ["uploads:/srv/uploads"], "secrets": {"ONLY": "web"}}
    bundle = _compose.release({**APP, "services": {"web": web}})
    migrate = bundle.public["services"]["migrate"]
    assert (migrate["user"], migrate["volumes"]) == ("1000", ["uploads:/srv/uploads"])
    assert migrate["command"] == "alembic upgrade head"
    assert "ports" not in migrate
    assert "ONLY" not in bundle.secret["services"]["migrate"]["environment"]
    assert bundle.secret["services"]["web"]["environment"]["ONLY"] == "web"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"command": "x"}, {"disable": True}),
        ({"image": "ghcr.io/acme/api:1.4.2"}, {"disable": True}),
        ({"command": "x", "image": None}, {"disable": True}),
        ({"image": "redis:8"}, None),
        ({"command": "x", "healthcheck": None}, None),
        ({"command": "x", "healthcheck": {"test": "ask $A"}}, {"test": "ask $$A"}),
    ],
)
def test_the_check_of_the_image_is_off_where_nothing_answers_it(service, expected):
    worker = _compose.release({**APP, "services": {"w": service}}).public["services"]["w"]
    assert worker.get("healthcheck") == expected


def test_a_service_that_may_run_once_only_is_left_out_elsewhere():
    services = {
        "cron": {"command": "tick", "singleton": True},
        "worker": {"command": "work", "depends_on": ["cron", "web"]},
    }
    app = {**APP, "services": services}
    here, there = _compose.release(app), _compose.release(app, singletons=False)
    assert here.services == ["web", "cron", "worker", "migrate"]
    assert there.services == ["web", "worker", "migrate"]
    assert "cron" not in there.secret["services"]
    assert here.public["services"]["worker"]["depends_on"] == ["cron"]
    assert "depends_on" not in there.public["services"]["worker"]
    assert there.id == here.id and set(there.releases.values()) == {here.id}
    assert "singleton" not in here.public["services"]["cron"]


def test_volumes_belong_to_the_application():
    services = {
        "web": {"volumes": ["uploads:/srv/uploads"]},
        "worker": {"command": "work", "volumes": ["uploads:/srv/uploads:ro", "/srv/x:/x"]},
    }
    bundle = _compose.release({**APP, "migrate": None, "services": services})
    assert bundle.public["volumes"] == {"uploads": {"name": "farol-api-uploads"}}


def test_labels_of_ones_own_stay_beside_ours():
    worker = {"command": "x", "labels": ["team=core", "farol.app=other", "flag"]}
    bundle = _compose.release({**APP, "services": {"worker": worker}})
    assert bundle.public["services"]["worker"]["labels"] == {
        "team": "core",
        "flag": "",
        "farol.app": "api",
        "farol.release": bundle.id,
    }


@pytest.mark.parametrize(
    ("version", "start"),
    [
        ("feature/login", "feature-login-"),
        ("--.x", "x-"),
        ("v" * 100, "v" * 80 + "-"),
        ("../..", ""),
    ],
)
def test_the_name_of_a_release_fits_a_tag(version, start):
    name = _compose.release({**APP, "version": version}).id
    assert name[:-8] == start
    assert int(name[-8:], 16) >= 0


SOURCE = {"git": "https://git.example.com/acme/api.git"}


def test_what_is_built_is_named_after_the_version():
    app = {**APP, "image": None, "source": SOURCE, "version": "feature/login"}
    assert _compose.image(app) == "farol/api:feature-login"
    assert _compose.images(_compose.release(app).public) == {
        "web": "farol/api:feature-login",
        "worker": "farol/api:feature-login",
        "migrate": "farol/api:feature-login",
    }


@pytest.mark.parametrize(
    "more",
    [{"version": "feature-login"}, {"source": {**SOURCE, "args": {"A": "1"}}}],
    ids=["another ref of the same slug", "other arguments"],
)
def test_another_build_is_another_release(more):
    app = {**APP, "image": None, "source": SOURCE, "version": "feature/login"}
    assert _compose.release({**app, **more}).id != _compose.release(app).id


def test_a_document_is_pinned_to_local_tags_and_the_host():
    services = {
        "a": {"image": "a:1", "labels": {"farol.app": "x"}, "cpus": "2.5"},
        "b": {"image": "b:1", "labels": {}, "cpus": 0.5, "pull_policy": "always"},
        "c": {
            "image": "a:1",
            "labels": {},
            "deploy": {"resources": {"limits": {"cpus": "4", "memory": "1g"}}},
        },
        "d": {"image": "d:1", "labels": {}, "cpus": "${CPUS}", "deploy": None},
    }
    public = {"services": services, "networks": {}}
    before = json.dumps(public)
    local = {"image": "farol/x:1-ab", "pull_policy": "never"}
    assert _compose.pinned(public, {"a:1": "farol/x:1-ab"}, 2) == {
        "services": {
            "a": {**local, "labels": {"farol.app": "x", "farol.image": "a:1"}, "cpus": 2},
            "b": services["b"],
            "c": {
                **local,
                "labels": {"farol.image": "a:1"},
                "deploy": {"resources": {"limits": {"cpus": 2, "memory": "1g"}}},
            },
            "d": services["d"],
        },
        "networks": {},
    }
    assert json.dumps(public) == before
