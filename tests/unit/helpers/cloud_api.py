# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A server that checks each request against a provider's published API description, and remembers what is made.

A fixture `fixtures/PROVIDER/api.json` holds the routes and the schemas of their bodies. A subclass holds what the provider does.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TOKEN = "token-of-the-test"


class Refusal(Exception):
    """Answered with `status` and `message`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class CloudApi:
    """`calls` are the requests, `violations` those that the description does not allow, `fail` what to answer instead."""

    provider = ""
    page_size = 200

    def __init__(self, tls: Path | None = None) -> None:
        description = json.loads((FIXTURES / self.provider / "api.json").read_text())
        self.definitions = {"$defs": description["$defs"]}
        self.routes = [
            (*key.split(" "), _pattern(key.split(" ")[1]), route)
            for key, route in description["routes"].items()
        ]
        self.calls: list[tuple[str, str, Any]] = []
        self.violations: list[str] = []
        self.fail: list[tuple[str, int, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate(tls))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.address = f"{scheme}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def changes(self) -> list[str]:
        """Method and path of each request that changes something."""
        return [f"{method} {path}" for method, path, _body in self.calls if method != "GET"]

    def error(self, status: int, message: str) -> dict[str, Any]:
        """The body of a refusal, as the provider words it."""
        raise NotImplementedError

    def answer(self, method: str, path: str, query: dict[str, str], raw: bytes, token: str) -> Any:
        """(status, headers, body) of one request."""
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return 400, {}, self.error(400, "body is not JSON")
        with self.lock:
            self.calls.append((method, path, body))
            for index, (prefix, status, headers) in enumerate(self.fail):
                if f"{method} {path}".startswith(prefix):
                    del self.fail[index]
                    return status, headers, self.error(status, "as the test wants it")
            if token != f"Bearer {TOKEN}":
                return 401, {}, self.error(401, "Unable to authenticate you")
            try:
                return self._dispatch(method, path, query, body)
            except Refusal as refusal:
                return refusal.status, {}, self.error(refusal.status, refusal.message)

    def _dispatch(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        for its_method, template, pattern, route in self.routes:
            match = pattern.fullmatch(path)
            if not match or its_method != method:
                continue
            unknown = set(query) - set(route.get("query", []))
            if unknown:
                self._violation(f"{method} {path}: unknown query {sorted(unknown)}")
            if "body" in route:
                schema = {**self.definitions, "$ref": f"#/$defs/{route['body']}"}
                errors = sorted(Draft202012Validator(schema).iter_errors(body), key=str)
                if errors:
                    place = ".".join(str(part) for part in errors[0].absolute_path) or "body"
                    self._violation(f"{method} {path}: {place}: {errors[0].message}")
            name = f"{method.lower()}_{'_'.join(re.findall(r'[a-z][a-z_]+(?=/|$)', re.sub(r'{[^}]+}', 'one', template)))}"
            made = getattr(self, name.replace("-", "_"))(
                *match.groups(), **{"query": query, "body": body}
            )
            return route["status"], {}, made
        self.violations.append(f"{method} {path}: there is no such route")
        raise Refusal(404, "The resource you were accessing could not be found.")

    def _violation(self, text: str) -> None:
        self.violations.append(text)
        raise Refusal(422, text)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                parts = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = api.answer(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    raw,
                    self.headers.get("Authorization", ""),
                )
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                content = b"" if body is None else content
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[^}]+\\}", "([^/]+)", re.escape(template)))


def certificate(folder: Path) -> Path:
    """A PEM file with a key and a certificate for 127.0.0.1 that signs itself."""
    path = folder / "api.pem"
    if path.exists():
        return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path
