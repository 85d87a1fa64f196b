# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The container collector, against a socket that answers as Docker does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

PROJECT = Path(__file__).parents[3]
SCRIPT = PROJECT / "roles/telemetry/templates/tree/usr/local/lib/farol/container-metrics"
RELEASE = "1.0.0-1f0c9a3e"


def container(project="api-blue", service="web", app="api", release=RELEASE, **state):
    name = f"{project}-{service}-1"
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    if app:
        labels |= {"farol.app": app, "farol.release": release}
    return {
        "Id": name.encode().hex(),
        "Name": f"/{name}",
        "RestartCount": state.pop("restarts", 0),
        "Config": {"Labels": {**labels, **state.pop("labels", {})}},
        "HostConfig": {
            "RestartPolicy": {"Name": state.pop("policy", "unless-stopped")},
            "Memory": state.pop("memory", 1073741824),
        },
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "OOMKilled": False,
            "StartedAt": "2026-01-02T03:04:05.678901234Z",
            **state,
        },
    }


STATS = {
    "memory_stats": {"usage": 5000, "stats": {"inactive_file": 1000}},
    "cpu_stats": {"cpu_usage": {"total_usage": 2500000000}},
}


class Docker(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path):
        self.containers, self.stats, self.gone, self.status = [], STATS, set(), 200
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    def answer(self, path):
        if path == "/containers/json?all=1":
            return [{"Id": each["Id"]} for each in self.containers]
        found = {each["Id"]: each for each in self.containers if each["Id"] not in self.gone}.get(
            path.split("/")[2]
        )
        if found is None:
            return None
        return self.stats if path.endswith("/stats?stream=false&one-shot=true") else found


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.server.answer(self.path)
        body = json.dumps(found).encode()
        self.send_response(404 if found is None else self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "socket"

    def log_message(self, *_):
        pass


class Host:
    def __init__(self, folder, socket):
        self.folder = folder
        self.socket = socket
        self.docker = Docker(self.socket)
        self.state, self.apps = folder / "state", folder / "apps"
        self.file = folder / "metrics/farol_containers.prom"

    def live(self, colour, app="api"):
        (self.state / app).mkdir(parents=True, exist_ok=True)
        flag = self.state / app / "green"
        flag.touch() if colour == "green" else flag.unlink(missing_ok=True)

    def release(self, *services, name=RELEASE, served=1.0, app="api"):
        folder = self.apps / app / "releases" / name
        folder.mkdir(parents=True)
        about = {
            "release": name,
            "served": served,
            "public": {"services": dict.fromkeys(services, {})},
        }
        (folder / "release.json").write_text(json.dumps(about))

    def run(self):
        env = {
            "FAROL_DOCKER": self.socket,
            "FAROL_STATE": str(self.state),
            "FAROL_APPS": str(self.apps),
        }
        done = subprocess.run(
            [sys.executable, "-I", SCRIPT, self.file],
            env={**os.environ, **env, "TZ": "America/New_York"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def value(self, metric, **labels):
        """The only sample that has these labels; None without one."""
        found = []
        for line in self.file.read_text().splitlines():
            name, inside, value = re.fullmatch(r"(#? ?\w+)(?:\{(.*)\})? (.*)", line).groups()
            own = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', inside or ""))
            if name == metric and labels.items() <= own.items():
                found.append(float(value))
        assert len(found) < 2, found
        return found[0] if found else None


@pytest.fixture
def host(tmp_path):
    # A socket's path has some hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="farol") as short:
        made = Host(tmp_path, f"{short}/docker.sock")
        yield made
        made.docker.shutdown()
        made.docker.server_close()


def test_a_container_that_runs(host):
    host.docker.containers = [container(restarts=3, Health={"Status": "healthy"})]
    assert host.run() == ""
    labels = {
        "name": "api-blue-web-1",
        "app": "api",
        "service": "web",
        "release": RELEASE,
        "colour": "blue",
    }
    for metric, value in {
        "farol_container_running": 1,
        "farol_container_wanted": 1,
        "farol_container_restarts_total": 3,
        "farol_container_started_timestamp_seconds": 1767323045,
        "farol_container_oom_killed": 0,
        "farol_container_memory_bytes": 4000,
        "farol_container_memory_limit_bytes": 1073741824,
        "farol_container_cpu_seconds_total": 2.5,
    }.items():
        assert host.value(metric, **labels) == value, metric
    assert host.value("farol_container_health", health="healthy") == 1
    assert host.value("farol_container_health", health="unhealthy") == 0
    assert host.value("farol_docker_up") == 1
    assert (host.file.stat().st_mode & 0o777) == 0o644
    assert [path.name for path in host.file.parent.iterdir()] == [host.file.name]


def test_the_cache_is_named_otherwise_in_the_first_version_of_control_groups(host):
    host.docker.stats = {"memory_stats": {"usage": 5000, "stats": {"total_inactive_file": 2000}}}
    host.docker.containers = [container()]
    host.run()
    assert host.value("farol_container_memory_bytes") == 3000
    assert host.value("farol_container_cpu_seconds_total") is None


def test_a_stopped_container_has_no_health_though_docker_keeps_it(host):
    host.docker.containers = [container(Status="exited", Health={"Status": "unhealthy"})]
    host.run()
    assert host.value("farol_container_running") == 0
    assert host.value("farol_container_health", health="unhealthy") is None
    assert host.value("farol_container_memory_bytes") is None


def test_the_colour_that_waits_is_not_wanted(host):
    host.docker.containers = [
        container("api-blue", Status="exited"),
        container("api-green"),
        container("api-services", "worker", Status="exited"),
        container("api-accessories", "db", Status="exited"),
    ]
    host.live("green")
    host.run()
    assert host.value("farol_container_wanted", colour="blue") == 0
    assert host.value("farol_container_wanted", colour="green") == 1
    assert host.value("farol_container_wanted", service="worker") == 1
    assert host.value("farol_container_wanted", service="db") == 1
    host.live("blue")
    host.run()
    assert host.value("farol_container_wanted", colour="blue") == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"policy": "always"}, 1),
        ({"policy": "no"}, 0),
        ({"policy": "on-failure", "Status": "exited", "ExitCode": 1}, 1),
        ({"policy": "on-failure", "Status": "exited", "ExitCode": 0}, 0),
        ({"policy": "on-failure"}, 1),
        ({"labels": {"com.docker.compose.oneoff": "True"}, "Status": "exited"}, 0),
    ],
)
def test_others_are_wanted_as_their_restart_policy_says(host, given, wanted):
    host.docker.containers = [container("tools", "job", app="", **given)]
    host.run()
    assert host.value("farol_container_wanted") == wanted


def test_a_migration_that_has_ended_is_not_missed(host):
    host.docker.containers = [container("api-blue", "migrate", Status="exited")]
    host.release("web", "migrate")
    host.run()
    assert host.value("farol_container_wanted", service="migrate") == 0
    assert host.value("farol_service_wanted", service="migrate") is None


def test_a_service_without_any_container_is_missed(host):
    host.docker.containers = [container("api-blue"), container("api-green", "worker")]
    host.release("web", "worker")
    host.run()
    assert host.value("farol_service_wanted", app="api", service="worker") == 1
    # The one there is belongs to the colour that waits.
    assert host.value("farol_service_running", app="api", service="worker") == 0
    assert host.value("farol_service_running", app="api", service="web") == 1
    assert host.value("farol_app_release", app="api", release=RELEASE) == 1


def test_after_a_rollback_the_release_is_that_of_what_runs(host):
    host.docker.containers = [container("api-blue")]
    host.release("web", served=1.0)
    host.release("web", "worker", name="2.0.0-aaaaaaaa", served=2.0)
    host.run()
    assert host.value("farol_app_release", release=RELEASE) == 1
    assert host.value("farol_service_wanted", service="worker") is None


def test_with_nothing_left_the_last_release_that_served_is_missed(host):
    host.release("web", name="3.0.0-bbbbbbbb", served=None)
    host.release("web", "worker", served=2.0)
    (host.apps / "broken/releases/1").mkdir(parents=True)
    (host.apps / "broken/releases/1/release.json").write_text("{")
    host.run()
    assert host.value("farol_service_running", app="api", service="web") == 0
    assert host.value("farol_service_wanted", app="api", service="worker") == 1
    assert host.value("farol_app_release", app="broken") is None


def test_a_container_that_goes_meanwhile_is_left_out(host):
    host.docker.containers = [container("api-blue"), container("api-green")]
    host.docker.gone = {host.docker.containers[1]["Id"]}
    host.run()
    assert host.value("farol_container_running") == 1


def test_without_docker_it_says_so_and_still_knows_what_is_missing(host):
    host.release("web")
    host.socket += ".none"
    assert "Docker can't be asked at " in host.run()
    assert host.value("farol_docker_up") == 0
    assert host.value("farol_service_wanted", service="web") == 1
    assert host.value("farol_service_running", service="web") == 0


def test_an_answer_with_an_error_is_no_empty_list(host):
    host.docker.status = 500
    assert "Docker answers 'HTTP/1.0 500 Internal Server Error'" in host.run()
    assert host.value("farol_docker_up") == 0


def test_quotes_in_a_label_break_nothing(host):
    host.docker.containers = [container(service='we"b\\')]
    host.run()
    assert 'service="we\\"b\\\\"' in host.file.read_text()
