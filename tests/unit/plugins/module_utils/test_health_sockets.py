"""TCP and Redis checks against real sockets."""

from __future__ import annotations

import socket
import socketserver
import threading

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _health_sockets
from ansible_collections.farol.vps.plugins.module_utils._health import CheckError, explain
from ansible_collections.farol.vps.plugins.module_utils._health_sockets import (
    host_port,
    redis_probe,
    tcp_probe,
    tls_context,
)


@pytest.fixture
def serve():
    """Serve connections with a function of the stream; return the port."""
    servers = []

    def start(talk):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                talk(self.rfile, self.wfile)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def tcp(port, state="open", host="127.0.0.1"):
    return tcp_probe({"host": host, "port": port, "state": state})


def redis(port, user=None, password=None, tls=False):
    return redis_probe(
        {
            "host": "127.0.0.1",
            "port": port,
            "user": user,
            "password": password,
            "tls": tls,
            "ca_file": None,
            "validate_certs": True,
        }
    )


def test_an_open_port(serve):
    port = serve(lambda reader, writer: None)

    assert tcp(port).look(1) == (True, "open", False)
    assert tcp(port, "closed").look(1) == (False, "open", False)
    assert tcp(port)[:2] == (f"127.0.0.1:{port}", "open")


def test_a_closed_port(free_port):
    assert tcp(free_port, "closed").look(1) == (True, "closed, refused", False)
    with pytest.raises(ConnectionRefusedError):
        tcp(free_port).look(1)


@pytest.fixture
def silent_port():
    """Answer no SYN: a listener whose queue is full is as silent as a firewall that drops."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address):
            yield address[1]


def test_silence_long_enough_is_a_closed_port(silent_port, monkeypatch):
    monkeypatch.setattr(_health_sockets, "SILENCE", 0.2)

    assert tcp(silent_port, "closed").look(1) == (True, "closed, no answer", False)
    with pytest.raises(TimeoutError):
        tcp(silent_port, "closed").look(0.1)
    with pytest.raises(TimeoutError):
        tcp(silent_port).look(0.2)


def test_a_name_that_does_not_resolve_is_not_a_closed_port():
    with pytest.raises(socket.gaierror):
        tcp(80, "closed", host="nowhere.invalid").look(1)


def test_addresses_are_written_as_in_urls():
    assert host_port("::1", 22) == "[::1]:22"
    assert host_port("a.example", 22) == "a.example:22"


def redis_server(answers):
    """Talk as Redis does: one recorded answer for each array of strings."""

    def talk(reader, writer):
        while count := reader.readline():
            words = []
            for _word in range(int(count[1:])):
                words.append(reader.read(int(reader.readline()[1:]) + 2).decode().rstrip("\r\n"))
            writer.write(answers[" ".join(words)])

    return talk


NO_AUTH = b"-NOAUTH Authentication required.\r\n"
WRONG = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"


def test_redis_without_a_password(serve):
    assert redis(serve(redis_server({"PING": b"+PONG\r\n"}))).look(1) == (True, "PONG", False)
    assert redis(serve(redis_server({"PING": NO_AUTH}))).look(1) == (
        False,
        "NOAUTH Authentication required.",
        False,
    )


def test_redis_logs_in_before_it_asks(serve):
    port = serve(
        redis_server(
            {
                "AUTH pässword": b"+OK\r\n",
                "AUTH app secret": b"+OK\r\n",
                "AUTH bad": WRONG,
                "PING": b"+PONG\r\n",
            }
        )
    )

    assert redis(port, password="pässword").look(1).ok
    assert redis(port, user="app", password="secret").look(1).ok
    assert redis(port, password="bad").look(1) == (
        False,
        "WRONGPASS invalid username-password pair or user is disabled.",
        False,
    )


def test_redis_that_hangs_up(serve):
    port = serve(lambda reader, writer: reader.readline())

    with pytest.raises(ConnectionResetError):
        redis(port).look(1)


def test_redis_over_tls_to_a_server_without_it(serve):
    probe = redis(serve(lambda reader, writer: writer.write(b"-ERR\r\n")), tls=True)

    assert probe.target.startswith("rediss://127.0.0.1:")
    with pytest.raises(OSError) as caught:
        probe.look(1)
    assert explain(caught.value, 1).startswith(("TLS failed", "connection closed"))


def test_redis_has_a_port_of_its_own():
    assert redis(None)[:2] == ("redis://127.0.0.1:6379", "PONG")


def test_a_ca_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckError) as caught:
        tls_context(str(tmp_path / "ca.pem"), True)
    assert str(caught.value) == f"cannot use ca_file {tmp_path}/ca.pem: No such file or directory"
