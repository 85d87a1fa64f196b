# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as another machine sees it: open ports, TLS, headers, and what scanners that are installed say."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

AT_ONCE = 300
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 10
SCANNER_SECONDS = 120
OLD_PROTOCOLS = ("TLSv1", "TLSv1_1")
HEADERS = (
    "strict-transport-security",
    "x-content-type-options",
    "content-security-policy",
    "x-frame-options",
    "referrer-policy",
)
# Where services listen that were never meant for the internet.
INNER_PORTS = (
    *(
        1433,
        1521,
        2049,
        2375,
        2376,
        2377,
        3000,
        3100,
        3306,
        3389,
        4317,
        4318,
        5000,
        5432,
        5672,
        5900,
    ),
    *(
        6379,
        6432,
        7946,
        8000,
        8080,
        8081,
        8443,
        8888,
        9000,
        9090,
        9091,
        9092,
        9093,
        9100,
        9115,
        9187,
    ),
    *(9200, 9300, 10250, 11211, 15672, 27017),
)


def open_ports(address: str, ports: Iterable[int]) -> list[int]:
    """TCP ports that take a connection."""
    return asyncio.run(_scan(address, sorted(set(ports))))


async def _scan(address: str, ports: list[int]) -> list[int]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def opened(port: int) -> int | None:
        async with gate:
            try:
                _reader, writer = await asyncio.wait_for(
                    asyncio.open_connection(address, port), CONNECT_SECONDS
                )
            except (OSError, asyncio.TimeoutError):
                return None
            writer.close()
            return port

    found = await asyncio.gather(*map(opened, ports))
    return [port for port in found if port is not None]


def site(name: str, address: str, ca_file: str) -> dict[str, Any]:
    """TLS and headers of one site; C(fault) where it could not be looked at."""
    try:
        found = {"name": name, **_answer(name, address, ca_file), "http": _plain(name, address)}
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"name": name, "fault": str(error) or type(error).__name__}
    found["old_protocols"] = [
        protocol.replace("_", ".") for protocol in OLD_PROTOCOLS if _speaks(name, address, protocol)
    ]
    return found


def _context(ca_file: str, verify: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    # Newer Pythons refuse authorities that browsers accept.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _answer(name: str, address: str, ca_file: str) -> dict[str, Any]:
    distrust = ""
    try:
        connection = _connect(name, address, _context(ca_file))
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message
        connection = _connect(name, address, _context("", verify=False))
    with connection:
        until = (connection.getpeercert() or {}).get("notAfter")
        days = (ssl.cert_time_to_seconds(until) - time.time()) / 86400 if until else None
        headers = _headers(connection, name)
    return {
        "distrust": distrust,
        "days": round(days, 1) if days is not None else None,
        "missing": [header for header in HEADERS if header not in headers],
        "server": headers.get("server", ""),
        "powered": headers.get("x-powered-by", ""),
    }


def _connect(name: str, address: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((address, 443), timeout=ANSWER_SECONDS)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def _headers(connection: socket.socket, name: str) -> dict[str, str]:
    request = (
        f"GET / HTTP/1.1\r\nHost: {name}\r\nUser-Agent: farol-audit\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(request.encode())
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return {key.lower(): value for key, value in answer.getheaders()}


def _plain(name: str, address: str) -> str:
    """What plain HTTP leads to: C(redirect), C(closed) or C(open)."""
    try:
        with socket.create_connection((address, 80), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(
                f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            leads = answer.getheader("location") or ""
            return (
                "redirect"
                if answer.status in (301, 308) and leads.startswith("https://")
                else "open"
            )
    except (OSError, http.client.HTTPException):
        return "closed"


def _speaks(name: str, address: str, protocol: str) -> bool:
    context = _context("", verify=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            # What this OpenSSL refuses itself by default would look like the server's refusal.
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion[protocol]
            _connect(name, address, context).close()
        except (OSError, ValueError):
            return False
    return True


def find_tool(name: str) -> str:
    """A scanner of this Python's folder or of the PATH; empty where there is none."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or ""


def run_tool(command: list[str]) -> str:
    """What a scanner prints. Scanners end with other codes than 0 where they find something."""
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        command, capture_output=True, text=True, timeout=SCANNER_SECONDS, check=False
    )
    if not done.stdout.strip():
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ValueError(f"it ended with {done.returncode} and said: {last}")
    return done.stdout


def ssh_findings(report: str) -> list[dict[str, str]]:
    """What ssh-audit calls a failure or warns of: C(algorithm), C(level), C(why)."""
    read = json.loads(report)
    found = [
        {"algorithm": entry["algorithm"], "level": level, "why": "; ".join(entry["notes"][level])}
        for kind in ("kex", "key", "enc", "mac")
        for entry in read.get(kind) or []
        for level in ("fail", "warn")
        if (entry.get("notes") or {}).get(level)
    ]
    return found + [
        {"algorithm": cve["name"], "level": "fail", "why": cve.get("description") or "a known hole"}
        for cve in read.get("cves") or []
    ]


def sslyze_findings(said: str) -> list[str]:
    """In what a site differs from Mozilla's intermediate guideline, by sslyze."""
    compliance = said.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    if not compliance:
        raise ValueError("it did not finish")
    if "OK - Compliant" in compliance:
        return []
    found = re.findall(r"^ +\* (\w+: .*)$", compliance, re.MULTILINE)
    if not found:
        raise ValueError("its verdict is none that is known")
    return found


def bandit_findings(report: str) -> list[dict[str, str]]:
    """What bandit finds, of low severity left out."""
    return [
        {
            "id": found["test_id"],
            "severity": found["issue_severity"].lower(),
            "where": f"{found['filename']}:{found['line_number']}",
            "text": found["issue_text"],
        }
        for found in json.loads(report)["results"]
        if found["issue_severity"] != "LOW"
    ]


def pip_audit_findings(report: str) -> list[dict[str, Any]]:
    """Packages with known holes, from pip-audit's JSON."""
    return [
        {
            "id": hole["id"],
            "package": f"{package['name']} {package['version']}",
            "fixed": hole.get("fix_versions") or [],
        }
        for package in json.loads(report)["dependencies"]
        for hole in package.get("vulns") or []
    ]
