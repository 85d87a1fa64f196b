# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks that speak to a port: TCP and Redis."""

from __future__ import annotations

import errno
import socket
import ssl
from functools import cache
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._health import (
    CheckError,
    Observation,
    Probe,
    shorten,
)

# A firewall that drops shows as silence. This much holds two SYNs, so that one may be lost.
SILENCE = 2.0


@cache
def tls_context(ca_file: str | None, validate_certs: bool) -> ssl.SSLContext:
    """Return a TLS context, shared because loading the system's authorities takes 20 ms."""
    if not validate_certs:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise CheckError(f"cannot use ca_file {ca_file}: {error.strerror}") from error
    # Python 3.13 refuses what browsers and older Pythons accept; a check must not depend on that.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return context


def connect(
    host: str,
    port: int,
    timeout: float,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> socket.socket:
    """Open a connection, over TLS when a context is given."""
    plain = socket.create_connection((host, port), timeout)
    return tls.wrap_socket(plain, server_hostname=server_name or host) if tls else plain


def host_port(host: str, port: int) -> str:
    """Write an address as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tcp_probe(options: dict[str, Any]) -> Probe:
    """See whether a port is open, or that it is closed."""
    host, port, state = options["host"], options["port"], options["state"]

    def look_open(timeout: float) -> Observation:
        connect(host, port, timeout).close()
        return Observation(True, "open")

    def look_closed(timeout: float) -> Observation:
        try:
            connect(host, port, min(timeout, SILENCE)).close()
        except TimeoutError:
            if timeout < SILENCE:
                raise
            return Observation(True, "closed, no answer")
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH):
                raise
            return Observation(True, "closed, refused")
        return Observation(False, "open")

    look = look_open if state == "open" else look_closed
    return Probe(host_port(host, port), state, look)


def redis_probe(options: dict[str, Any]) -> Probe:
    """See whether Redis answers PING, after logging in when there is a password."""
    host, port = options["host"], options["port"] or 6379
    tls = tls_context(options["ca_file"], options["validate_certs"]) if options["tls"] else None
    dialogue = [(["PING"], "+PONG")]
    if options["password"]:
        login = [word for word in (options["user"], options["password"]) if word]
        dialogue.insert(0, (["AUTH", *login], "+OK"))

    def look(timeout: float) -> Observation:
        with connect(host, port, timeout, tls) as server, server.makefile("rb") as replies:
            for command, wanted in dialogue:
                server.sendall(_resp(command))
                reply = replies.readline(512).decode(errors="replace").strip()
                if not reply:
                    raise ConnectionResetError
                if reply != wanted:
                    return Observation(False, shorten(reply.lstrip("-")))
        return Observation(True, "PONG")

    scheme = "rediss" if tls else "redis"
    return Probe(f"{scheme}://{host_port(host, port)}", "PONG", look)


def _resp(words: list[str]) -> bytes:
    parts = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)])
