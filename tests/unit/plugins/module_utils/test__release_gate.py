"""Nginx as the host itself asks it, over real TLS, and Docker's own opinion of a container."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_gate
from ansible_collections.farol.vps.plugins.module_utils._release import Container
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

APP = {"name": "api", "domain": "api.test", "health": {"path": "/ready", "timeout": 0.4}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=api.test -keyout k -out c"
    subprocess.run(command.split(), cwd=folder, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c", folder / "k")
    return context


@pytest.fixture
def nginx(certificate, monkeypatch):
    """A server that answers as Nginx would; what it says can be changed."""

    class Answer(BaseHTTPRequestHandler):
        status, upstreams = 200, ["127.0.0.1:2"]

        def do_GET(self):
            assert self.headers["Host"] == "api.test" and self.path == "/ready"
            self.send_response(Answer.status)
            if Answer.upstreams:
                said = Answer.upstreams.pop(0) if len(Answer.upstreams) > 1 else Answer.upstreams[0]
                self.send_header("X-Farol-Upstream", said)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.socket = certificate.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(_release_gate, "NGINX_PORT", server.server_port)
        monkeypatch.setattr(_release_gate, "PATIENCE", 0.2)
        yield Answer
        server.shutdown()


def test_the_new_release_has_to_be_the_one_that_answers(nginx, monkeypatch):
    monkeypatch.setattr(_release_gate, "PATIENCE", 5)
    nginx.upstreams = ["127.0.0.1:1", "127.0.0.1:1, 127.0.0.1:2"]
    _release_gate.through_nginx(APP, 2)


@pytest.mark.parametrize(
    ("status", "upstreams", "seen"),
    [
        (200, ["127.0.0.1:1"], "status 200 from 127.0.0.1:1"),
        (503, ["127.0.0.1:2"], "status 503 from 127.0.0.1:2"),
        (404, [], "status 404 without saying which release was asked"),
    ],
)
def test_another_answer_is_told(nginx, status, upstreams, seen):
    nginx.status, nginx.upstreams = status, upstreams
    with pytest.raises(Failed, match=seen) as failure:
        _release_gate.through_nginx(APP, 2)
    assert "https://api.test/ready" in str(failure.value) and "app_ask_nginx" in str(failure.value)


def test_an_nginx_that_is_down_is_told(nginx, monkeypatch):
    monkeypatch.setattr(_release_gate, "NGINX_PORT", 1)
    with pytest.raises(Failed, match="refused"):
        _release_gate.through_nginx(APP, 2)


class Docker:
    """Says of a container what it is told to, the last thing for ever."""

    def __init__(self, *said):
        self.said = list(said)

    def run(self, argv, env=None, limit=0):
        return 0, self.said.pop(0) if len(self.said) > 1 else self.said[0], ""

    def evidence(self, container):
        return "its last words"


@pytest.fixture
def port():
    class Ready(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def gate(host, port, docker=True):
    app = {**APP, "health": {**APP["health"], "docker": docker}}
    container = Container("api-blue", "web", "1", "running", "id")
    _release_gate.gate(host, lambda: container, port, app, "1-a")


def test_dockers_own_check_is_waited_for_where_it_is_wanted(port):
    host = Docker("running starting 0", "running starting 0", "running healthy 0")
    gate(host, port)
    assert host.said == ["running healthy 0"]
    gate(Docker("running unhealthy 0"), port, docker=False)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("running starting 0", "Docker does not call it healthy yet"),
        ("running unhealthy 0", "Docker calls the container unhealthy"),
        ("running unhealthy 1", "Docker does not call it healthy yet"),
        ("restarting starting 3", "was started 4 times and ended each time"),
        ("exited none 0", "the container stopped"),
        ("", "the container stopped"),
    ],
)
def test_dockers_own_check_fails_the_gate(port, said, why):
    with pytest.raises(Failed, match=f"{why}; its last words"):
        gate(Docker(said), port)
