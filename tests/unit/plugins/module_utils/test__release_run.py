"""The steps of a release against an engine that keeps its containers in memory and a real web server per colour."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release, _release_run
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._release_run import Releaser

APP = {
    "name": "api",
    "domain": "api.example.com",
    "image": "registry.example.com/api",
    "version": "1.0",
    "port": 8000,
    "health": {"path": "/ready", "timeout": 1},
    "secrets": {"TOKEN": "s3cret-token"},
    "services": {"worker": {"command": "work"}},
    "migrate": "migrate-up",
    "accessories": {"redis": {"image": "redis:8", "secrets": {}}},
}


class Engine:
    """What `docker` does for a release, in memory; a name in C(broken) makes that command fail."""

    def __init__(self, ports):
        self.ports = {str(port): colour for colour, port in ports.items()}
        self.containers: dict[tuple[str, str], str] = {}
        self.images: set[str] = set()
        self.networks: set[str] = set()
        self.servers: dict[str, HTTPServer] = {}
        self.broken: dict[str, str] = {}
        self.status = 200
        self.migrations = 0
        self.looping: set[str] = set()

    def run(self, command, environ_update=None):
        _docker, verb, *rest = command
        if _docker == "ss":
            return 0, "", ""
        action = verb if verb != "compose" else self.compose_verb(rest)
        if action in self.broken:
            return 1, "", self.broken[action]
        return 0, getattr(self, f"do_{action}")(rest, environ_update or {}) or "", ""

    @staticmethod
    def compose_verb(rest):
        return "compose_" + next(word for word in rest if word in ("up", "run", "down"))

    def do_network(self, rest, environ):
        if rest[0] == "create":
            self.networks.add(rest[1])
        return "id" if self.networks else ""

    def do_image(self, rest, environ):
        return "id" if rest[-1] in self.images else ""

    def do_pull(self, rest, environ):
        self.images.add(rest[-1])

    def do_ps(self, rest, environ):
        return "".join(
            f"{project}\t{service}\t{release}\t{self.state(service)}\t{project}/{service}\n"
            for (project, service), release in self.containers.items()
        )

    def state(self, service):
        return "restarting" if service in self.looping else "running"

    def do_rm(self, rest, environ):
        for name in rest[1:]:
            project, service = name.split("/")
            del self.containers[(project, service)]

    def do_inspect(self, rest, environ):
        return "running, exit code 0"

    def do_logs(self, rest, environ):
        return "starting with s3cret-token\nready\n"

    def do_compose_up(self, rest, environ):
        project = rest[rest.index("--project-name") + 1]
        public = json.loads(Path(rest[rest.index("--file") + 1]).read_text())
        named = [name for name in public["services"] if name in rest[rest.index("up") :]]
        for service in named or public["services"]:
            release = public["services"][service]["labels"]["farol.release"]
            self.containers[(project, service)] = release
        port = environ.get("FAROL_PORT")
        if port:
            self.serve(int(port))

    def do_compose_run(self, rest, environ):
        self.migrations += 1

    def do_compose_down(self, rest, environ):
        project = rest[rest.index("--project-name") + 1]
        self.containers = {
            key: value for key, value in self.containers.items() if key[0] != project
        }

    def serve(self, port):
        engine = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(engine.status if self.path == "/ready" else 404)
                self.end_headers()

            def log_message(self, *args):
                pass

        if port not in self.servers:
            server = HTTPServer(("127.0.0.1", port), Answer)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            self.servers[port] = server

    def close(self):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()


class Module:
    def __init__(self, engine, params):
        self.params = params
        self.run_command = engine.run


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def ports():
    return {"blue": free_port(), "green": free_port()}


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch):
    monkeypatch.setattr(_release_run, "SETTLE", 0)


@pytest.fixture
def engine(ports):
    engine = Engine(ports)
    yield engine
    engine.close()


@pytest.fixture
def release(engine, ports, tmp_path):
    """Release an entry, as the module does, and say what the host then looks like."""

    def run(app):
        params = {
            "root": str(tmp_path / "opt"),
            "state_dir": str(tmp_path / "state"),
            "keep_releases": 2,
            "drain_timeout": 1,
        }
        host = Host(Module(engine, params), app)
        host.secrets = ["s3cret-token"]
        releaser = Releaser(host, app, ports, params)
        with host.lock():
            plan = _release.plan(releaser.wanted, host.live, host.containers())
            if not plan.nothing:
                releaser.run(plan)
        return host, releaser, plan

    return run


def projects(engine):
    return sorted({project for project, _service in engine.containers})


def test_the_first_release_runs_everything(release, engine):
    host, releaser, _plan = release(APP)
    assert projects(engine) == ["api-accessories", "api-blue", "api-services"]
    assert host.live == "blue"
    steps = [step["step"] for step in releaser.steps]
    assert steps == ["accessories", "pull", "migrate", "start", "gate", "flip", "services"]
    assert engine.networks == {"farol-api"}


def test_the_same_again_changes_nothing(release):
    release(APP)
    _host, releaser, plan = release(APP)
    assert plan.nothing and releaser.steps == []


def test_the_next_release_takes_the_other_colour_and_leaves_the_accessories(release, engine):
    release(APP)
    accessories = engine.containers[("api-accessories", "redis")]
    host, releaser, _plan = release({**APP, "version": "1.1"})
    assert host.live == "green"
    assert projects(engine) == ["api-accessories", "api-green", "api-services"]
    assert engine.containers[("api-services", "worker")] == releaser.bundle.id
    assert engine.containers[("api-accessories", "redis")] == accessories
    assert [step["step"] for step in releaser.steps][-2:] == ["drain", "stop"]
    host, _releaser, _plan = release({**APP, "version": "1.2"})
    assert host.live == "blue"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pull", "check image and version"),
        ("compose_run", "the migration failed and nothing was switched"),
        ("compose_up", "failed: no room"),
    ],
)
def test_a_step_that_fails_leaves_the_old_colour_serving(release, engine, command, expected):
    release(APP)
    engine.broken[command] = "no room"
    with pytest.raises(Failed, match=expected):
        release({**APP, "version": "1.1"})
    del engine.broken[command]
    host, _releaser, plan = release(APP)
    assert host.live == "blue" and plan.nothing
    assert len(list(Path(host.root, "releases").iterdir())) == 1
    assert ("api-blue", "web") in engine.containers


def test_an_unhealthy_release_is_taken_down_and_its_last_words_are_told(release, engine):
    release(APP)
    engine.status = 503
    with pytest.raises(Failed) as failure:
        release({**APP, "version": "1.1"})
    text = str(failure.value)
    assert "GET /ready within 1 s: status 503" in text
    assert "running, exit code 0" in text and "starting with ********" in text
    assert "s3cret-token" not in text
    assert ("api-green", "web") not in engine.containers
    assert ("api-blue", "web") in engine.containers


def test_a_container_that_goes_away_ends_the_gate_early(release, engine):
    engine.status = 503
    engine.do_ps = lambda rest, environ: ""
    with pytest.raises(Failed, match="the container stopped; its container is gone"):
        release(
            {**APP, "health": {"path": "/ready", "timeout": 60}, "services": {}, "accessories": {}}
        )


def test_a_service_that_is_no_longer_declared_goes(release, engine):
    release({**APP, "services": {"worker": {"command": "work"}, "cron": {"command": "tick"}}})
    release(APP)
    assert ("api-services", "cron") not in engine.containers
    assert ("api-services", "worker") in engine.containers


def test_accessories_that_are_no_longer_declared_go(release, engine):
    release(APP)
    release({**APP, "accessories": {}})
    assert "api-accessories" not in projects(engine)


def test_an_image_that_is_there_is_not_pulled(release, engine):
    engine.images.add("registry.example.com/api:1.0")
    engine.broken["pull"] = "registry is down"
    release(APP)
    assert ("api-blue", "web") in engine.containers


def test_only_root_reads_the_secrets(release):
    host, releaser, _plan = release(APP)
    folder = Path(host.root, "releases", releaser.bundle.id)
    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert "s3cret-token" in (folder / "secrets.json").read_text()
    assert "s3cret-token" not in (folder / "compose.json").read_text()


def test_old_releases_are_removed(release):
    for version in ("1.0", "1.1", "1.2"):
        host, releaser, _plan = release({**APP, "version": version})
    left = {path.name for path in Path(host.root, "releases").iterdir()}
    assert len(left) == 2 and releaser.bundle.id in left


def test_two_releases_at_once_are_refused(release):
    host, _releaser, _plan = release(APP)
    with host.lock(), pytest.raises(Failed, match="another release of it is running"):
        release({**APP, "version": "1.1"})


def test_connections_to_the_old_colour_may_end_first(release, engine, ports):
    release(APP)
    asked = []
    run = engine.run

    def busy_twice(command, environ_update=None):
        if command[0] == "ss":
            asked.append(command[-1])
            return 0, "ESTAB" if len(asked) < 3 else "", ""
        return run(command, environ_update)

    engine.run = busy_twice
    release({**APP, "version": "1.1"})
    assert asked == [f"( dport = :{ports['blue']} )"] * 3


def test_a_service_that_crash_loops_is_told_with_its_last_words(release, engine):
    release(APP)
    engine.looping.add("worker")
    with pytest.raises(Failed) as failure:
        release({**APP, "version": "1.1"})
    assert "service worker of release 1.1-" in str(failure.value)
    assert "does not stay up" in str(failure.value) and "starting with ********" in str(
        failure.value
    )


def test_a_migration_that_a_killed_run_left_is_ended_first(release, engine):
    engine.containers[("api-migrate", "migrate")] = "1.0-x"
    release(APP)
    assert ("api-migrate", "migrate") not in engine.containers
    assert engine.migrations == 1


def test_a_container_that_cannot_start_is_removed(release, engine):
    """As Compose leaves it when the port is taken: made, and not started."""
    release(APP)
    up = engine.do_compose_up

    def made_only(rest, environ):
        up(rest, {})
        engine.broken["compose_up"] = "port is already allocated"

    engine.do_compose_up = made_only
    run = engine.run

    def then_fails(command, environ_update=None):
        code, out, err = run(command, environ_update)
        if "compose_up" in engine.broken:
            return 1, "", engine.broken.pop("compose_up")
        return code, out, err

    engine.run = then_fails
    with pytest.raises(Failed, match="port is already allocated"):
        release({**APP, "version": "1.1"})
    assert ("api-green", "web") not in engine.containers
    assert ("api-blue", "web") in engine.containers
