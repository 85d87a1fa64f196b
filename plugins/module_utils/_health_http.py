# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks over HTTP and HTTPS: status, headers, JSON body, days the certificate is left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, IncompleteRead
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from ansible_collections.farol.vps.plugins.module_utils._health import (
    CheckError,
    Observation,
    Probe,
    shorten,
)
from ansible_collections.farol.vps.plugins.module_utils._health_sockets import (
    connect,
    tls_context,
)

try:
    import jmespath
except ImportError:
    jmespath = None

BODY_LIMIT = 1024 * 1024
# Tags of a certificate's DER: the version, absent before X.509 v3, and a two-digit year.
VERSION = 0xA0
UTC_TIME = 0x17


@dataclass(frozen=True)
class Expectation:
    """What an answer has to show to pass."""

    status: list[int]
    headers: dict[str, str]
    json: dict[str, Any]
    tls_min_days: int | None

    def __str__(self) -> str:
        parts = [" or ".join(map(str, self.status))]
        parts += [f"header {name} with {_text(part)}" for name, part in self.headers.items()]
        parts += [f"{path} = {_text(value)}" for path, value in self.json.items()]
        if self.tls_min_days is not None:
            parts.append(f"certificate good for {self.tls_min_days} days")
        return ", ".join(parts)

    def judge(
        self, status: int, headers: HTTPMessage, body: bytes, days_left: int | None
    ) -> Observation:
        """Compare an answer with what was expected of it."""
        if status not in self.status:
            return Observation(False, shorten(f"{status} {body.decode(errors='replace')}"))
        faults = [*self._header_faults(headers), *self._json_faults(body)]
        notes = [] if days_left is None else [f"certificate good for {days_left} days"]
        tls_ok = days_left is None or days_left >= (self.tls_min_days or 0)
        return Observation(not faults and tls_ok, ", ".join([str(status), *faults, *notes]))

    def _header_faults(self, headers: HTTPMessage) -> list[str]:
        faults = []
        for name, part in self.headers.items():
            values = headers.get_all(name)
            if values is None:
                faults.append(f"no header {name}")
            elif part not in ", ".join(values):
                faults.append(f"header {name}: {shorten(', '.join(values))}")
        return faults

    def _json_faults(self, body: bytes) -> list[str]:
        if not self.json:
            return []
        try:
            document = json.loads(body)
        except ValueError:
            return [f"no JSON: {shorten(body.decode(errors='replace')) or 'empty body'}"]
        faults = []
        for path, wanted in self.json.items():
            try:
                found = _text(jmespath.search(path, document))
            except jmespath.exceptions.JMESPathError as error:
                found = shorten(str(error))
            # Compared as text, since Python holds true and 1 for equal.
            if found != _text(wanted):
                faults.append(f"{path} = {shorten(found)}")
        return faults


def http_probe(options: dict[str, Any]) -> Probe:
    """Ask a URL, at an address of one's own choice when there is one, following no redirect."""
    url, port = _parse(options["url"])
    secure = url.scheme == "https"
    host = url.hostname or ""
    address = options["address"]
    expectation = Expectation(
        status=options["status"],
        headers=options["headers"] or {},
        json=options["json"] or {},
        tls_min_days=options["tls_min_days"],
    )
    _require_usable(expectation, secure)
    tls = tls_context(options["ca_file"], options["validate_certs"]) if secure else None
    path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
    headers = {
        "Host": url.netloc,
        "User-Agent": "farol.vps.health_check",
        **(options["request_headers"] or {}),
    }

    def look(timeout: float) -> Observation:
        with connect(address or host, port, timeout, tls, host) as server:
            days_left = None
            if expectation.tls_min_days is not None:
                left = not_after(server.getpeercert(True)) - datetime.now(timezone.utc)
                days_left = left.days
            connection = HTTPConnection(host, port)
            connection.sock = server
            connection.request(options["method"], path, headers=headers)
            response = connection.getresponse()
            return expectation.judge(response.status, response.headers, _body(response), days_left)

    target = f"{options['url']} at {address}" if address else options["url"]
    return Probe(target, str(expectation), look)


def not_after(certificate: bytes) -> datetime:
    """Return the end of a DER certificate's validity.

    The ssl module tells it only of a certificate it has verified, and an expired or
    self-signed one is just what a check may have to look at.
    """
    at = _der(certificate, 0).start  # into Certificate
    at = _der(certificate, at).start  # into TBSCertificate
    if certificate[at] == VERSION:
        at = _der(certificate, at).end
    for _skipped in ("serialNumber", "signature", "issuer"):
        at = _der(certificate, at).end
    at = _der(certificate, at).start  # into Validity
    at = _der(certificate, at).end  # past notBefore
    tag, start, end = _der(certificate, at)
    pattern = "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    text = certificate[start:end].decode("ascii")
    return datetime.strptime(text, pattern).replace(tzinfo=timezone.utc)


class _Element(NamedTuple):
    """The tag of a DER element, and where its content starts and ends."""

    tag: int
    start: int
    end: int


def _der(data: bytes, at: int) -> _Element:
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return _Element(tag, start, start + length)


def _parse(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise CheckError(f"url {url} is no valid URL: {error}") from error
    if not url.isascii() or " " in url:
        raise CheckError(f"url {url} must be encoded: xn-- in the host, %xx in the path")
    if "@" in parts.netloc:
        raise CheckError("url must not hold a password: use request_headers with Authorization")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CheckError(f"url {url} must start with http:// or https:// and a host")
    return parts, port


def _require_usable(expectation: Expectation, secure: bool) -> None:
    if expectation.tls_min_days is not None and not secure:
        raise CheckError("tls_min_days needs an https url")
    if expectation.json and jmespath is None:
        raise CheckError(
            "json needs the Python library jmespath where the check runs: "
            "install the package python3-jmespath there, or run the check with "
            "delegate_to: localhost"
        )
    for path in expectation.json:
        try:
            jmespath.compile(path)
        except jmespath.exceptions.JMESPathError as error:
            raise CheckError(f"json: {path} is no JMESPath expression: {error}") from error


def _body(response: HTTPResponse) -> bytes:
    body = response.read(BODY_LIMIT)
    # read() with a limit does not itself complain about a body that ends too early.
    if response.length and len(body) < BODY_LIMIT:
        raise IncompleteRead(body, response.length)
    return body


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
