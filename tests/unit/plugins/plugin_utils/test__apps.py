# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._apps import check_apps, ports


def app(name="api", **more):
    return {
        "name": name,
        "domain": f"{name}.example.com",
        "image": "ghcr.io/acme/api",
        "version": "1.4.2",
        "port": 8000,
        **more,
    }


def test_a_full_application_is_fine():
    full = app(
        aliases=["www.example.com", "xn--bcher-kva.example", "*.api.example.com"],
        redirect_from=["example.com"],
        dns="cloudflare",
        host_port=30000,
        health={"path": "/health/ready", "timeout": 60},
        env={"LOG_LEVEL": "info"},
        secrets={"DATABASE_URL": "x"},
        services={"worker": {"command": "celery worker", "env": {"A": "1"}}},
        migrate="alembic upgrade head",
        websocket=["/ws"],
        metrics="/metrics",
        accessories={"db": {"image": "postgres:17", "volumes": ["data:/var/lib/postgresql"]}},
        deploy={"bake": 0, "drain": 5},
        hooks={"before": "hooks/before.yml"},
        follow=True,
    )
    assert check_apps([full, app("web", aliases=None, env=None, services=None)]) == []


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"name": "Api", "domain": "x.example.com"}, "name: 'Api' is no name for an application"),
        ({"name": "a" * 32}, "name: 'aaaaaaaa"),
        ({"name": "x\n", "domain": "x.example.com"}, "name: 'x\\n' is no name"),
        ({"domain": "https://api.example.com"}, "domain: 'https://api.example.com' is no domain"),
        ({"domain": "localhost"}, "domain: 'localhost' is no domain"),
        ({"domain": "a..example.com"}, "domain: 'a..example.com' is no domain"),
        ({"domain": "a.example.com;"}, "domain: 'a.example.com;' is no domain"),
        ({"aliases": ["ok.example.com", "no_good"]}, "aliases[1]: 'no_good' is no domain"),
        ({"aliases": ["*.example.com"]}, "aliases[0]: '*.example.com' is no domain"),
        ({"redirect_from": ["no_good"]}, "redirect_from[0]: 'no_good' is no domain"),
        (
            {"redirect_from": ["api.example.com"]},
            "redirect_from[0]: api.example.com is listed twice",
        ),
        ({"aliases": ["api.example.com"]}, "aliases[0]: api.example.com is listed twice"),
        ({"port": 0}, "port: 0 is no port"),
        ({"port": 65536}, "port: 65536 is no port"),
        ({"host_port": 80}, "host_port: 80 can't be used"),
        ({"host_port": 65535}, "host_port: 65535 can't be used"),
        ({"health": {"path": "health"}}, "health.path: 'health' is no path; begin with /"),
        ({"metrics": "metrics"}, "metrics: 'metrics' is no path"),
        ({"websocket": ["/ws", "/a b"]}, "websocket[1]: '/a b' is no path"),
        ({"websocket": ["/ws;}"]}, "websocket[0]: '/ws;}' is no path"),
        ({"env": {"A": 1, "B": 2}, "secrets": {"B": 3}}, "secrets.B: is in env too"),
        ({"env": {"A": None}}, "env.A: needs a text or a number"),
        ({"secrets": {"A": ["hunter2"]}}, "secrets.A: needs a text or a number"),
        (
            {"services": {"w": {"command": "x", "env": {"A": {"b": "c"}}}}},
            "services.w.env.A: needs a text or a number",
        ),
        ({"services": {"web": {"image": "x"}}}, "services.web.image: set image and version of"),
        ({"services": {"web": {"ports": ["80:80"]}}}, "services.web.ports: both colours would"),
        ({"services": {"web": {"singleton": True}}}, "services.web.singleton: two colours of it"),
        ({"services": {"migrate": {"command": "x"}}}, "services.migrate: a release has a"),
        ({"services": {"w": {}}}, "services.w.command: missing; or give it an image of its own"),
        (
            {"services": {"w": {"command": "x", "secrets": ["a"]}}},
            "services.w.secrets: expected dict",
        ),
        (
            {"services": {"w": {"command": "x", "singleton": "yes"}}},
            "services.w.singleton: expected",
        ),
        ({"services": {"w": {"image": "x", "build": "."}}}, "services.w.build: a release starts"),
        ({"services": {"w": {"image": "x", "networks": ["a"]}}}, "services.w.networks: all"),
        ({"services": {"w": {"image": "x", "volumes": ["./a:/a"]}}}, "services.w.volumes[0]: is"),
        (
            {"services": {"w": {"image": "x", "env": {"A": 1}, "secrets": {"A": 1}}}},
            "services.w.secrets.A: is in env too",
        ),
        (
            {"services": {"db": {"image": "x"}}, "accessories": {"db": {"image": "x"}}},
            "services.db: is under accessories too; keep one of them",
        ),
        (
            {"services": {"w": {"command": "x", "mem_limt": "1g"}}},
            "services.w.mem_limt: unknown; did you mean mem_limit?",
        ),
        ({"services": {"w": "celery"}}, "services.w: expected dict with command, env, secrets"),
        ({"services": {"W!": {"command": "x"}}}, "services.W!: 'W!' is no name"),
        ({"accessories": {"db": {"command": "x"}}}, "accessories.db.image: missing"),
        (
            {"accessories": {"db": {"image": "x", "env": {"A": 1}, "secrets": {"A": 1}}}},
            "accessories.db.secrets.A: is in env too",
        ),
    ],
)
def test_a_fault_is_found(more, fault):
    faults = check_apps([app("first"), app(**more)])
    assert len(faults) == 1
    assert faults[0].startswith(f"apps[1].{fault}")


SOURCE = {"git": "https://git.example.com/acme/api.git"}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"image": None}, "image: missing; or set source or compose_file"),
        ({"source": SOURCE}, "source: image is set too; keep one of them"),
        ({"compose_file": "c.yml"}, "service: missing; name the service of compose_file"),
        ({"service": "app"}, "service: has no meaning without compose_file"),
        ({"version": "feature/a"}, "version: 'feature/a' is no tag of an image and no digest"),
        ({"version": ""}, "version: '' is no tag"),
        ({"version": "sha256:abc"}, "version: 'sha256:abc' is no tag"),
        (
            {"image": None, "source": {"git": "--upload-pack=x"}},
            "source.git: '--upload-pack=x' is no",
        ),
        ({"image": None, "source": {"git": "git@x:y#z"}}, "source.git: 'git@x:y#z' is no address"),
        (
            {"image": None, "source": {**SOURCE, "context": "../x"}},
            "source.context: '../x' is no path",
        ),
        (
            {"image": None, "source": {**SOURCE, "dockerfile": "/x"}},
            "source.dockerfile: '/x' is no",
        ),
        (
            {"image": None, "source": {**SOURCE, "args": {"A": ["b"]}}},
            "source.args.A: needs a text",
        ),
        ({"image": None, "source": SOURCE, "version": "-x"}, "version: '-x' is no tag, branch or"),
        (
            {"image": None, "source": SOURCE, "version": "a..b"},
            "version: 'a..b' is no tag, branch or",
        ),
        ({"follow": True, "version": "sha256:" + "ab" * 32}, "follow: version is a digest"),
        (
            {"follow": True, "image": None, "source": SOURCE},
            "follow: only an image can be followed",
        ),
        (
            {"follow": True, "compose_file": "c.yml", "service": "app"},
            "follow: only an image can be followed; take out follow or compose_file",
        ),
        ({"deploy": {"bake": -1}}, "deploy.bake: -1 is no time; use 0 or more seconds"),
        (
            {"compose_file": "c.yml", "service": "app", "services": {"app": {"image": "x"}}},
            "services.app.image: set image and version of the entry",
        ),
    ],
)
def test_a_fault_of_the_image_or_the_release_is_found(more, fault):
    faults = check_apps([app(**more)])
    assert len(faults) == 1
    assert faults[0].startswith(f"apps[0].{fault}")


@pytest.mark.parametrize(
    "more",
    [
        {"image": None, "source": SOURCE, "version": "feature/login@2"},
        {"image": None, "source": {**SOURCE, "context": "services/api", "args": {"A": 1}}},
        {"image": None, "source": {"git": "git@github.com:acme/api.git"}, "version": "v1.2"},
        {"version": "sha256:" + "ab" * 32},
        {"image": None, "compose_file": "c.yml", "service": "app", "accessories": {"db": {}}},
        {"image": None, "compose_file": "c.yml", "service": "app", "services": {"w": {"env": {}}}},
        {"source": SOURCE, "image": None, "compose_file": "c.yml", "service": "app"},
        {"services": {"web": {"mem_limit": "2g", "stop_grace_period": "30s"}}},
        {"services": {"w": {"image": "mailhog/mailhog:v1", "ports": [8025], "x-why": "mail"}}},
        {"services": {"w": {"entrypoint": ["/work"], "mem_limit": None}}},
        {"services": {"w": {"command": ["celery", "worker"], "networks": ["default"]}}},
        {"accessories": {"db": {"image": "x", "shm_size": "1g", "volumes": [{"type": "tmpfs"}]}}},
    ],
    ids=str,
)
def test_what_compose_allows_is_fine(more):
    assert check_apps([app(**more)]) == []


def test_a_secret_is_not_shown():
    faults = check_apps([app(env={"A": "hunter2"}, secrets={"A": "hunter2"})])
    assert "hunter2" not in "".join(faults)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"secrets": {"URL": "x://app:CHANGE-ME-pw@db", "OK": "1"}}, "secrets.URL"),
        (
            {"accessories": {"db": {"image": "x", "secrets": {"PW": "CHANGE-ME-pw"}}}},
            "accessories.db.secrets.PW",
        ),
    ],
)
def test_a_placeholder_is_named_and_not_shown(more, key):
    fault = f"apps[0].{key}: still holds CHANGE-ME; set the real value in the vault"
    assert check_apps([app(**more)]) == [fault]


def test_the_same_name_is_one_fault():
    assert check_apps([app(), app()]) == ["apps: two are named api; rename one of them"]


def test_a_domain_belongs_to_one_application():
    faults = check_apps([app("api"), app("web", aliases=["api.example.com"])])
    assert faults == ["apps: api and web both claim the domain api.example.com"]


@pytest.mark.parametrize(("other", "port"), [(30001, 30001), (29999, 30000)])
def test_ports_that_overlap_name_both_applications(other, port):
    faults = check_apps([app("api", host_port=30000), app("web", host_port=other)])
    assert faults == [
        f"apps: api and web both claim port {port} of the host; give one of them another host_port"
    ]


def test_derived_ports_are_stable_even_and_in_range():
    assert ports(app("api")) == {"blue": 22718, "green": 22719}
    blues = [ports({"name": f"app-{number}"})["blue"] for number in range(2000)]
    assert all(20000 <= blue <= 29998 and blue % 2 == 0 for blue in blues)
    assert len(set(blues)) > 1500


def test_host_port_may_be_text_from_the_command_line():
    assert ports(app(host_port="30000")) == {"blue": 30000, "green": 30001}
