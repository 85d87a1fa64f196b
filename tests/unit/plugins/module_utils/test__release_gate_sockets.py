"""The questions to a release over real sockets: its own port, what stands where Nginx should, open connections."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_gate
from ansible_collections.farol.vps.plugins.module_utils._release import Container
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._release_state import State
from docker_script import DockerScript

WEB = Container("api-blue", "web", "1.0-a", "running", "c0ffee")
APP = {"name": "api", "domain": "api.example.com"}


@pytest.fixture
def web():
    """A web server that answers with its C(status) of that time, and remembers what it was asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append((self.headers["Host"], self.path))
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        server.status, server.asked = 200, []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A docker that says of the container what the file C(state) holds, and after that what C(later) does."""
    script = DockerScript(tmp_path / "bin")
    script.write("state", "running none 0")
    script.says(
        'case "$*" in *"exit code"*) echo "exited, exit code 1, 0 restarts";; inspect*) cat state;'
        " [ ! -e later ] || mv later state;; logs*) echo the last words;; esac"
    )
    monkeypatch.setenv("PATH", f"{script.folder}:{os.environ['PATH']}")
    return script


@pytest.fixture
def host(tmp_path, docker):
    return Host("api", State(str(tmp_path / "state")))


@pytest.fixture
def gate(host, web):
    def run(find=lambda: WEB, **health):
        app = {**APP, "health": {"path": "/ready", "timeout": 10, **health}}
        _release_gate.gate(host, find, web.server_port, app, "1.0-a")

    return run


# The own port.


def test_the_health_path_is_asked_under_the_public_name(web):
    app = {**APP, "health": {"path": "/ready"}}
    assert _release_gate.ask(web.server_port, app) == (True, "status 200")
    assert web.asked == [("api.example.com", "/ready")]
    web.status = 204
    assert _release_gate.ask(web.server_port, {}) == (False, "status 204")
    assert web.asked[-1] == ("localhost", "/health")


@contextmanager
def says(words):
    """A server that says this to whoever connects, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _address = server.accept()
            connection.recv(1000)
            connection.sendall(words)
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    ("words", "seen"),
    [(b"SSH-2.0-OpenSSH\r\n\r\n", "SSH-2.0"), (b"", "closed connection without response")],
)
def test_what_answers_no_http_is_no_release(words, seen):
    with says(words) as port:
        passed, told = _release_gate.ask(port, APP)
    assert not passed and seen in told


def test_a_port_that_nothing_listens_to_is_told():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        passed, told = _release_gate.ask(probe.getsockname()[1], APP)
    assert not passed and "refused" in told


def test_a_release_passes_as_soon_as_it_answers(gate, web, docker):
    docker.write("state", "running unhealthy 0")
    web.status = 503
    threading.Timer(0.2, lambda: setattr(web, "status", 200)).start()
    gate()
    assert len(web.asked) > 2
    assert docker.calls == [], "Docker's opinion was not wanted"


# With Docker's own opinion.


def test_with_docker_the_gate_waits_until_the_container_is_healthy(gate, docker):
    docker.write("state", "running starting 0")
    docker.write("later", "running healthy 0")
    gate(docker=True)
    assert sum("RestartCount" in call for call in docker.calls) == 2


def test_an_image_without_a_check_of_its_own_passes(gate):
    gate(docker=True)


def test_a_container_that_docker_calls_unhealthy_ends_the_gate_at_once(gate, docker):
    docker.write("state", "running starting 0")
    docker.write("later", "running unhealthy 0")
    start = time.monotonic()
    with pytest.raises(Failed) as failure:
        gate(docker=True, timeout=60)
    assert time.monotonic() - start < 10
    assert str(failure.value) == (
        "release 1.0-a did not pass GET /ready within 60 s: Docker calls the container unhealthy; "
        "container exited, exit code 1, 0 restarts; its last lines:\nthe last words\n"
    )


def test_a_container_that_went_away_is_not_waited_for(gate):
    with pytest.raises(Failed, match="the container stopped; its container is gone"):
        gate(find=lambda: None, timeout=60, docker=True)


def test_a_container_that_docker_does_not_know_any_more_is_gone(host, docker):
    docker.says("echo 'No such object' >&2; exit 1")
    assert _release_gate.look(host, WEB) == ("gone", "none", 0)


def test_what_speaks_no_tls_where_nginx_should_is_told(web, monkeypatch):
    monkeypatch.setattr(_release_gate, "NGINX_PORT", web.server_port)
    monkeypatch.setattr(_release_gate, "PATIENCE", 0)
    with pytest.raises(Failed, match="to the new release: .*(SSL|TLS)"):
        _release_gate.through_nginx(APP, 20010)


# Connections.


@contextmanager
def connected(number):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        clients = [socket.create_connection(("127.0.0.1", port)) for _client in range(number)]
        accepted = [server.accept()[0] for _client in clients]
        yield port, clients + accepted
        for one in clients + accepted:
            one.close()


def test_open_connections_are_counted_once_each(host):
    with connected(3) as (port, _sockets):
        assert _release_gate.connections(host, port) == 3
    assert _release_gate.connections(host, port) == 0


def test_a_drain_ends_with_the_last_connection(host):
    with connected(2) as (port, sockets):
        start = time.monotonic()
        threading.Timer(0.4, lambda: [one.close() for one in sockets]).start()
        _release_gate.drain(host, port, 20)
        assert 0.3 < time.monotonic() - start < 10


def test_a_drain_ends_with_its_time_however_many_are_left(host):
    with connected(1) as (port, _sockets):
        start = time.monotonic()
        _release_gate.drain(host, port, 0.3)
        assert 0.3 <= time.monotonic() - start < 5
        assert _release_gate.connections(host, port) == 1


def test_where_connections_cannot_be_counted_nothing_waits(host, docker):
    path = docker.folder / "ss"
    path.write_text("#!/bin/sh\necho ESTAB; exit 1\n")
    path.chmod(0o755)
    with connected(1) as (port, _sockets):
        assert _release_gate.connections(host, port) == 0
