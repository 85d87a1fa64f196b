"""HTTP checks against real servers, with real certificates."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
import time
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _health_http
from ansible_collections.farol.vps.plugins.module_utils._health import CheckError, explain
from ansible_collections.farol.vps.plugins.module_utils._health_http import http_probe, not_after
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
NAMES = (x509.DNSName("api.example.com"),)
CUT = "connection closed before the answer was complete"


class Handler(BaseHTTPRequestHandler):
    """Answer by path; what came in shows at /echo."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        getattr(self, f"_{self.path.partition('?')[0].strip('/').replace('-', '_')}")()

    do_POST = do_HEAD = do_GET

    def _send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _health(self):
        headers = [("Strict-Transport-Security", "max-age=63072000")]
        self._send(200, b'{"status": "ok", "queues": [{"name": "mail", "size": 0}]}', headers)

    def _echo(self):
        heard = {"method": self.command, "path": self.path, "headers": dict(self.headers)}
        self._send(200, json.dumps(heard).encode())

    def _down(self):
        self._send(503, b'{"status":\n "unhealthy"}')

    def _moved(self):
        self._send(301, b"", [("Location", "/health")])

    def _html(self):
        self._send(200, b"<html>Welcome</html>")

    def _slow(self):
        time.sleep(0.5)
        self._health()

    def _cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"status"')
        self.close_connection = True

    def _chunked_cut(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"100\r\nhalf")
        self.close_connection = True

    def _hang_up(self):
        self.close_connection = True

    def _ssh(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        self.close_connection = True

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def serve():
    """Start servers; return the port."""
    servers = []

    def start(tls=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Authority:
    """A certificate authority that signs what a test needs."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        certificate = (
            self._builder(self.name, self.key, NOW + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.file = str(folder / "ca.pem")
        (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key, end):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 400 * DAY)
            .not_valid_after(end)
        )

    def certificate(self, end, names=NAMES):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
        builder = self._builder(subject, key, end)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()), key

    def server_context(self, *arguments):
        certificate, key = self.certificate(*arguments)
        pem = self.folder / "server.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def probe(url, **given):
    options = {
        "url": url,
        "address": None,
        "method": "GET",
        "request_headers": None,
        "status": [200],
        "headers": None,
        "json": None,
        "tls_min_days": None,
        "ca_file": None,
        "validate_certs": True,
    }
    return http_probe({**options, **given})


def look(url, timeout=2, **given):
    """Look once; return whether it passed and what was seen, faults in words."""
    try:
        return probe(url, **given).look(timeout)[:2]
    except (OSError, HTTPException) as error:
        return False, explain(error, timeout)


def test_a_healthy_answer(serve):
    found = look(
        f"http://127.0.0.1:{serve()}/health",
        status=[200, 204],
        headers={"strict-transport-security": "max-age="},
        json={"status": "ok", "queues[?name=='mail'] | [0].size": 0},
    )

    assert found == (True, "200")


def test_what_is_expected_is_said():
    wanted = probe(
        "https://api.example.com/health",
        address="203.0.113.5",
        status=[200, 204],
        headers={"strict-transport-security": "max-age="},
        json={"status": "ok", "ready": True},
        tls_min_days=14,
    )

    assert wanted.target == "https://api.example.com/health at 203.0.113.5"
    assert wanted.expected == (
        '200 or 204, header strict-transport-security with "max-age=", status = "ok", '
        "ready = true, certificate good for 14 days"
    )
    assert probe("http://a.example").target == "http://a.example"


def test_a_wrong_status_shows_the_body(serve):
    found = look(f"http://127.0.0.1:{serve()}/down", json={"status": "ok"})

    assert found == (False, '503 {"status": "unhealthy"}')


def test_redirects_are_not_followed(serve):
    port = serve()

    assert look(f"http://127.0.0.1:{port}/moved") == (False, "301")
    assert look(
        f"http://127.0.0.1:{port}/moved", status=[301], headers={"location": "/health"}
    ) == (True, "301")


def test_every_wrong_part_is_named(serve):
    ok, seen = look(
        f"http://127.0.0.1:{serve()}/health",
        headers={"strict-transport-security": "preload", "x-frame-options": "DENY"},
        json={"status": "fine", "missing.part": 1, "length(status) > `1`": 1},
    )

    assert not ok
    assert seen == (
        "200, header strict-transport-security: max-age=63072000, no header x-frame-options, "
        'status = "ok", missing.part = null, length(status) > `1` = true'
    )


def test_an_expression_that_does_not_fit_the_body(serve):
    ok, seen = look(f"http://127.0.0.1:{serve()}/health", json={"length(queues[0].size)": 1})

    assert not ok
    assert seen.startswith("200, length(queues[0].size) = In function length(), invalid type")


def test_a_body_that_is_not_json(serve):
    port = serve()

    assert look(f"http://127.0.0.1:{port}/html", json={"status": "ok"}) == (
        False,
        "200, no JSON: <html>Welcome</html>",
    )
    assert look(f"http://127.0.0.1:{port}/html", json={"status": "ok"}, method="HEAD") == (
        False,
        "200, no JSON: empty body",
    )


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/cut", CUT),
        ("/chunked-cut", CUT),
        ("/hang-up", CUT),
        ("/ssh", "not an HTTP answer: SSH-2.0-OpenSSH_9.6"),
        ("/slow", "no answer within 0.2 s"),
    ],
)
def test_an_answer_that_does_not_come_whole(serve, path, seen):
    timeout = 0.2 if path == "/slow" else 10
    assert look(f"http://127.0.0.1:{serve()}{path}", timeout=timeout) == (False, seen)


def test_the_request_is_what_a_visitor_sends(serve):
    port = serve()
    asked = probe(
        f"http://api.example.com:{port}/echo?deep=1",
        address="127.0.0.1",
        method="POST",
        request_headers={"Authorization": "Bearer token"},
        json={
            "method": "POST",
            "path": "/echo?deep=1",
            "headers.Host": f"api.example.com:{port}",
            "headers.Authorization": "Bearer token",
            'headers."User-Agent"': "farol.vps.health_check",
        },
    )

    assert asked.look(2) == (True, "200", False)


def test_a_good_certificate(serve, authority):
    port = serve(authority.server_context(NOW + 20 * DAY + DAY / 2))
    asked = {"address": "127.0.0.1", "ca_file": authority.file}
    url = f"https://api.example.com:{port}/health"

    assert look(url, **asked, tls_min_days=20) == (True, "200, certificate good for 20 days")
    assert look(url, **asked, tls_min_days=21) == (False, "200, certificate good for 20 days")
    assert look(url, **asked) == (True, "200")


def test_a_certificate_for_an_address(serve, authority):
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    port = serve(authority.server_context(NOW + DAY, names))

    assert look(f"https://127.0.0.1:{port}/health", ca_file=authority.file)[0]


def test_a_certificate_nobody_should_trust(serve, authority):
    port = serve(authority.server_context(NOW + 20 * DAY))
    here = {"address": "127.0.0.1"}

    assert look(f"https://www.example.com:{port}/health", **here, ca_file=authority.file) == (
        False,
        "certificate refused: Hostname mismatch, certificate is not valid for 'www.example.com'.",
    )
    assert look(f"https://api.example.com:{port}/health", **here) == (
        False,
        "certificate refused: unable to get local issuer certificate",
    )
    assert look(f"https://www.example.com:{port}/health", **here, validate_certs=False)[0]


def test_an_expired_certificate(serve, authority):
    port = serve(authority.server_context(NOW - 2 * DAY))
    url, here = f"https://api.example.com:{port}/health", {"address": "127.0.0.1"}

    assert look(url, **here, ca_file=authority.file) == (
        False,
        "certificate refused: certificate has expired",
    )
    ok, seen = look(url, **here, validate_certs=False, tls_min_days=0)
    assert (ok, seen) == (False, "200, certificate good for -3 days")


def test_https_to_a_server_without_it(serve):
    ok, seen = look(f"https://127.0.0.1:{serve()}/health")

    assert not ok
    assert seen.startswith("TLS failed: ")


@pytest.mark.parametrize("year", [2049, 2050, 2200])
def test_the_end_of_a_certificate_is_read_from_its_der(authority, year):
    end = datetime.datetime(year, 2, 28, 23, 59, 58, tzinfo=datetime.timezone.utc)
    certificate, _key = authority.certificate(end)

    assert not_after(certificate.public_bytes(serialization.Encoding.DER)) == end


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": "ftp://a/"}, "url ftp://a/ must start with http:// or https:// and a host"),
        ({"url": "/health"}, "url /health must start with http:// or https:// and a host"),
        ({"url": "http://a:b/"}, "url http://a:b/ is no valid URL: "),
        (
            {"url": "http://a/ü"},
            "url http://a/ü must be encoded: xn-- in the host, %xx in the path",
        ),
        ({"url": "http://a/b c"}, "url http://a/b c must be encoded: "),
        ({"url": "http://u:p@a/"}, "url must not hold a password: use request_headers with "),
        ({"url": "http://a/", "tls_min_days": 1}, "tls_min_days needs an https url"),
        ({"url": "http://a/", "json": {"a b": 1}}, "json: a b is no JMESPath expression: "),
        ({"url": "http://a/", "json": {"a..b": 1}}, "json: a..b is no JMESPath expression: "),
    ],
)
def test_options_that_cannot_work(given, complaint):
    with pytest.raises(CheckError) as caught:
        probe(**given)
    assert str(caught.value).startswith(complaint)


def test_json_without_jmespath_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_health_http, "jmespath", None)

    with pytest.raises(CheckError) as caught:
        probe("http://a/", json={"status": "ok"})
    assert str(caught.value) == (
        "json needs the Python library jmespath where the check runs: install the package "
        "python3-jmespath there, or run the check with delegate_to: localhost"
    )
    assert probe("http://a/").expected == "200"
