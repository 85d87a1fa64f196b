"""The service that watches a balancer's hosts, with real servers that are well, fail, stay silent or lie about who they are."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SCRIPT = Path(__file__).parents[3] / "roles/nginx/templates/tree/usr/local/lib/farol/balancer-watch"
NAME = "api.example.com"


@pytest.fixture
def script(monkeypatch):
    """The service as a module, in a hurry."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("balancer_watch", str(SCRIPT))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    module.INTERVAL, module.TIMEOUT = 0.03, 10
    return module


class AppHost(ThreadingHTTPServer):
    """A host of the application; what it answers can be changed meanwhile."""

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.heard, self.sni = 200, {}, None
        if tls:
            tls.sni_callback = lambda _socket, name, _context: setattr(self, "sni", name)
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.address = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    def handle_error(self, *_):
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.heard = {"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}
        if self.server.status == "silence":
            time.sleep(1)
        elif self.server.status == "noise":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        elif self.server.status != "nothing":
            self.send_response(self.server.status)
            self.end_headers()

    def log_message(self, *_):
        pass


class Watched:
    """The service at work on one site, and what it leaves and says."""

    def __init__(self, script, folder, capsys, servers, **entry):
        self.drained, self.flags = folder / "drained", folder / "flags"
        (self.drained / "api").mkdir(parents=True)
        self.capsys, self.said = capsys, []
        site = {"name": "api", "host": NAME, "path": "/health", "tls": False, "ca": "", **entry}
        self.site = script.Site({**site, "servers": servers}, self.drained, self.flags)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._work(script)), daemon=True)

    async def _work(self, script):
        self.loop, self.task = asyncio.get_running_loop(), asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError):
            await script.watch([self.site])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join()

    @property
    def down(self):
        return {path.name for path in self.flags.glob("*/*")}

    def lines(self):
        self.said += self.capsys.readouterr().out.splitlines()
        return self.said

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.down, self.lines())
            time.sleep(0.01)

    def settle(self):
        """Time for some more rounds."""
        time.sleep(0.3)


@pytest.fixture
def hosts():
    """Start hosts; stopped at the end."""
    started = []

    def start(*names, tls=None):
        new = {name: AppHost(tls) for name in names}
        started.extend(new.values())
        return new

    yield start
    for host in started:
        host.shutdown()
        host.server_close()


@pytest.fixture
def watch(script, tmp_path, capsys):
    def start(given, **entry):
        servers = {name: getattr(host, "address", host) for name, host in given.items()}
        return Watched(script, tmp_path, capsys, servers, **entry)

    return start


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (503, "answered 503"),
        (204, "answered 204"),
        ("silence", "no answer within 0.5 s"),
        ("nothing", "closed the connection without an answer"),
        ("noise", "no HTTP: 'SSH-2.0-OpenSSH_9.6'"),
    ],
)
def test_a_host_that_answers_anything_but_200_is_down_until_it_is_well(
    script, hosts, watch, status, fault
):
    given = hosts("a", "b")
    with watch(given) as watched:
        watched.settle()
        assert watched.down == set()
        if status == "silence":
            script.TIMEOUT = 0.5
        given["b"].status = status
        watched.until(lambda: watched.down == {"down-b"})
        script.TIMEOUT = 10
        given["b"].status = 200
        watched.until(lambda: watched.down == set())
        assert watched.lines() == [f"api: b is down: {fault}", "api: b is up again"]
    assert given["a"].heard["path"] == "/health"
    assert given["a"].heard["host"] == NAME


def test_a_host_that_refuses_is_down(hosts, watch):
    with watch({**hosts("a"), "b": "127.0.0.1:9"}) as watched:
        watched.until(lambda: watched.down == {"down-b"})
        assert "api: b is down: [Errno 111] Connect call failed ('127.0.0.1', 9)" in watched.lines()


def test_verdicts_take_two_answers_in_a_row(script):
    server = script.Server("a", "127.0.0.1:80")
    faults = ["bad", "", "bad", "bad", "", "bad", "", ""]
    assert [server.note(fault) for fault in faults] == [
        False, False, False, True, False, False, False, True,
    ]  # fmt: skip


def test_the_last_host_is_never_taken_out(hosts, watch):
    given = hosts("a", "b")
    with watch(given) as watched:
        given["a"].status = 500
        watched.until(lambda: watched.down == {"down-a"})
        given["b"].status = 500
        watched.until(lambda: watched.down == set())
        watched.settle()
        helpless = "api: no host is left, so those that are down are asked all the same"
        assert watched.lines().count(helpless) == 1 and watched.lines()[-1] == helpless
        given["b"].status = 200
        watched.until(lambda: watched.down == {"down-a"})
        assert watched.lines()[-1] == "api: b is up again"


def test_a_host_that_the_operator_took_out_is_none_that_is_left(hosts, watch):
    given = hosts("a", "b", "c")
    with watch(given) as watched:
        (watched.drained / "api/out-a").touch()
        given["b"].status = 500
        watched.until(lambda: watched.down == {"down-b"})
        given["c"].status = 500
        watched.until(lambda: watched.down == set())
        (watched.drained / "api/out-a").unlink()
        watched.until(lambda: watched.down == {"down-b", "down-c"})


def test_no_more_are_out_than_nginx_can_do_without(hosts, watch):
    given = hosts("a", "b", "c", "d")
    with watch(given) as watched:
        (watched.drained / "api/out-a").touch()
        (watched.drained / "api/out-gone").touch()
        given["a"].status = given["b"].status = 500
        watched.until(lambda: watched.down == {"down-a", "down-b"})
        given["c"].status = 500
        watched.until(lambda: any("c is down" in line for line in watched.lines()))
        watched.settle()
        assert watched.down == {"down-a", "down-b"}
        given["b"].status = 200
        watched.until(lambda: watched.down == {"down-a", "down-c"})


def test_flags_of_before_go_at_the_start(hosts, watch):
    watched = watch(hosts("a", "b"))
    (watched.flags / "api").mkdir(parents=True)
    for host in ("a", "gone"):
        (watched.flags / f"api/down-{host}").touch()
    with watched:
        watched.until(lambda: watched.down == set())
        assert watched.lines() == []


def test_who_does_not_serve_is_out_before_anybody_hears_that_the_service_runs(
    script, hosts, watch, tmp_path, monkeypatch
):
    given = hosts("a", "b", "c")
    given["c"].status = 502
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        script.INTERVAL = 60
        with watch(given) as watched:
            heard.append(systemd.recv(100))
            assert watched.down == {"down-c"}
    assert heard == [b"READY=1"]
    assert watched.lines() == ["api: c is down: answered 502"]


def test_a_flag_that_cannot_be_written_is_told_once_and_tried_again(hosts, watch):
    given = hosts("a", "b")
    with watch(given) as watched:
        watched.flags.write_text("no folder")
        given["b"].status = 500
        flag = watched.flags / "api/down-b"
        told = f"api: can't write {flag}, so Nginx goes on asking b: Not a directory"
        watched.until(lambda: told in watched.lines())
        watched.settle()
        assert watched.lines().count(told) == 1
        watched.flags.unlink()
        watched.until(lambda: watched.down == {"down-b"})


def test_a_flag_that_cannot_be_removed_is_told(watch):
    watched = watch({"a": "127.0.0.1:9", "b": "127.0.0.1:9"})
    (watched.flags / "api/down-b").mkdir(parents=True)
    watched.site.settle()
    assert watched.lines()[0].startswith(
        f"api: can't remove {watched.flags / 'api/down-b'}, so Nginx asks b no more: "
    )


class Authority:
    """Signs a server's certificate for a name."""

    def __init__(self, folder, common_name):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        # Without the extensions that Python 3.13 insists on, as an authority made by hand is.
        authority = self._sign(self.name, self.key, x509.BasicConstraints(True, None))
        self.file = folder / f"{common_name}.pem"
        self.file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, key, extension):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def server(self, name):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
        signed = self._sign(subject, key, x509.SubjectAlternativeName([x509.DNSName(name)]))
        pem = self.folder / f"{name}.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context


def test_hosts_have_to_prove_who_they_are(hosts, watch, tmp_path):
    trusted = Authority(tmp_path, "trusted")
    given = {
        **hosts("a", tls=trusted.server(NAME)),
        **hosts("b", tls=trusted.server("www.example.com")),
        **hosts("c", tls=Authority(tmp_path, "unknown").server(NAME)),
    }
    with watch(given, tls=True, ca=str(trusted.file)) as watched:
        watched.until(lambda: watched.down == {"down-b", "down-c"})
        said = sorted(line for line in watched.lines())
        assert "Hostname mismatch" in said[0] and "certificate verify failed" in said[1]
    assert (given["a"].sni, given["a"].heard["host"]) == (NAME, NAME)


def test_an_ipv6_address_and_a_name_are_asked(script, hosts, watch):
    port = hosts("a")["a"].server_address[1]
    watched = watch({"a": f"localhost:{port}"})
    assert asyncio.run(watched.site.ask(f"localhost:{port}")) == ""
    refused = asyncio.run(watched.site.ask("[::1]:9"))
    assert "::1" in refused, refused


def test_the_program_runs_alone(hosts, tmp_path):
    given = hosts("a", "b")
    given["b"].status = 503
    entry = {"name": "api", "host": NAME, "path": "/health", "tls": False, "ca": ""}
    sites = tmp_path / "balancer.json"
    sites.write_text(json.dumps([{**entry, "servers": {n: h.address for n, h in given.items()}}]))
    command = [sys.executable, "-I", SCRIPT, sites, tmp_path / "drained", tmp_path / "flags"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout.readline() == "api: b is down: answered 503\n"
            deadline = time.monotonic() + 2
            while not (tmp_path / "flags/api/down-b").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            running.terminate()
