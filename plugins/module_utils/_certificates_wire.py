# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Nginx serves on the wire, and a reload where that is not what the files hold.

Nobody has to remember that a reload is due: a run that was killed before it leaves the difference behind.
"""

from __future__ import annotations

import re
import shlex
import socket
import ssl
import time
from dataclasses import dataclass

from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    CertificatesError,
    Leaf,
    moment,
)
from ansible_collections.farol.vps.plugins.module_utils._health import explain, shorten

PATIENCE = 10
PAUSE = 0.05
TIMEOUT = 5
TARGET = re.compile(r"\[?([^\[\]]+)\]?:(\d+)")


class Unreachable(Exception):
    """There is no server to ask."""


@dataclass(frozen=True)
class Expected:
    """What a server has to show to one who asks for a name."""

    server_name: str
    path: str
    leaf: Leaf


@dataclass(frozen=True)
class Wire:
    """The port that is asked."""

    host: str
    port: int

    @classmethod
    def parse(cls, connect: str) -> Wire:
        match = TARGET.fullmatch(connect)
        if not match:
            raise CertificatesError(
                f"connect: {connect!r} is no host and port; write it as 127.0.0.1:443"
            )
        return cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def leaf(self, server_name: str) -> bytes:
        """The certificate that is served to a name, trusted or not."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            plain = socket.create_connection((self.host, self.port), TIMEOUT)
        except OSError as error:
            raise Unreachable(explain(error, TIMEOUT)) from None
        with plain, context.wrap_socket(plain, server_hostname=server_name) as secure:
            return secure.getpeercert(True) or b""

    def faults(self, expected: dict[str, Expected]) -> dict[str, str]:
        """What is served instead, by name; those that are served as expected are left out."""
        found = {}
        for name, each in expected.items():
            try:
                served = self.leaf(each.server_name)
            except OSError as error:
                found[name] = (
                    f"Nginx makes no TLS connection for {each.server_name} at {self} "
                    f"({explain(error, TIMEOUT)})"
                )
                continue
            if served != each.leaf.der:
                found[name] = f"Nginx still serves {_name(served)} for {each.server_name} at {self}"
        return found

    def settle(self, expected: dict[str, Expected], command: list[str]) -> dict[str, str]:
        """Reload the server, and return what is still wrong when its patience is over."""
        try:
            done = host.run(command)
        except CertificatesError as error:
            return dict.fromkeys(expected, str(error))
        if done.code:
            fault = (
                f"{shlex.join(command)!r} failed: {shorten(done.err or done.out)}; "
                "look at 'nginx -t' and 'journalctl -u nginx' on the host"
            )
            return dict.fromkeys(expected, fault)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                left = self.faults(expected)
            except Unreachable as error:
                left = dict.fromkeys(expected, f"nothing answers at {self} ({error})")
            if not left or time.monotonic() >= deadline:
                return {
                    name: f"{fault}, {_due(expected[name])}; look at 'nginx -T' and 'journalctl -u nginx' on the host"
                    for name, fault in left.items()
                }
            expected = {name: expected[name] for name in left}
            time.sleep(PAUSE)


def _due(expected: Expected) -> str:
    return f"not {expected.path} (serial {expected.leaf.serial})"


def _name(der: bytes) -> str:
    try:
        leaf = host.parse_leaf(ssl.DER_cert_to_PEM_cert(der))
    except ValueError:
        return "another certificate"
    return f"a certificate with the serial {leaf.serial}, good until {moment(leaf.not_after)},"
