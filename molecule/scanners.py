"""What scanners say of a web server: its TLS, its configuration, its headers, and the version that it gives away.

All but the last run in a container of an image of their own, which `molecule/lab/scanner` makes.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STATE = Path(__file__).parent.parent / ".lab"
IMAGE = "farol-lab/scanner"
NETWORK = "farol-lab"
OBSERVATORY = "/opt/scanner/node_modules/@mdn/mdn-http-observatory/src/scan.js"
# testssl.sh grades by these; without the rest of its checks it takes half as long.
GRADED = "--protocols --std --server-preference --server-defaults --fs --headers --vulnerable"


@dataclass(frozen=True)
class Site:
    """Where it is served, and the certificate of the authority that vouches for it."""

    name: str
    address: str
    ca: Path


def site(name: str, host: str, address: str) -> Site:
    """One that a host's own authority vouches for."""
    return Site(name, address, STATE / f"{host}-ca.pem")


@cache
def make_image() -> None:
    subprocess.run([Path(__file__).parent / "lab/scanner"], check=True)


def scan(command: str, given: bytes = b"", *options: str) -> str:
    """What a command in a scanner's container prints, of which `given` is the input."""
    make_image()
    run = ["docker", "run", "--rm", "--interactive", "--network", NETWORK, *options, IMAGE]
    done = subprocess.run(
        [*run, "sh", "-c", command], input=given, capture_output=True, timeout=900
    )
    assert done.stdout, f"{command}: {done.stderr.decode()}"
    return done.stdout.decode()


def look_at(site: Site, command: str) -> str:
    """The same with the site's name in /etc/hosts and its authority in /tmp/ca.pem."""
    known = f"--add-host={site.name}:{site.address}"
    return scan(f"cat >ca.pem; {command}", site.ca.read_bytes(), known)


def sslyze(site: Site, profile: str = "intermediate") -> list[str]:
    """In what the site differs from Mozilla's guideline, in the version that sslyze has (5.7)."""
    said = look_at(
        site, f"sslyze --mozilla_config={profile} --certinfo_ca_file=ca.pem {site.name}:443"
    )
    compliance = said.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    if "OK - Compliant" in compliance:
        return []
    found = re.findall(r"^ +\* (\w+: .*)$", compliance, re.MULTILINE)
    return found or [f"sslyze has not finished: {said}"]


def gixy(configuration: str) -> dict[str, list[str]]:
    """What gixy finds in the output of `nginx -T`, by the name of its check."""
    # Not told the version, it leaves out the CVEs of it, which distributions mend without a new one.
    said = json.loads(scan("gixy --format json -", configuration.encode()))
    found: dict[str, list[str]] = {}
    for finding in said:
        found.setdefault(finding["plugin"], []).append(f"{finding['file']}: {finding['reason']}")
    return found


def testssl(site: Site) -> dict[str, str]:
    """testssl.sh's grade and score, with the reasons for what keeps it from a better one. It takes minutes."""
    look = f"testssl --quiet --color 0 --ip {site.address} --add-ca ca.pem --jsonfile /tmp/said.json {GRADED} {site.name}"
    findings = json.loads(look_at(site, f"{look} >/dev/null 2>&1; cat said.json"))
    said = {finding["id"]: finding["finding"] for finding in findings}
    reasons = [text for name, text in said.items() if name.startswith("grade_cap_reason")]
    return {
        "grade": said["overall_grade"],
        "score": said["final_score"],
        "reasons": "; ".join(reasons),
    }


def observatory(site: Site) -> dict[str, object]:
    """The MDN HTTP Observatory's grade and score, and what each test of its gives or takes."""
    said = json.loads(look_at(site, f"NODE_EXTRA_CA_CERTS=ca.pem node {OBSERVATORY} {site.name}"))
    tests = {name: test["scoreModifier"] for name, test in said["tests"].items()}
    return {"grade": said["scan"]["grade"], "score": said["scan"]["score"], "tests": tests}


def banners(site: Site) -> dict[int, set[str]]:
    """What the server says of itself, by the status of its answer. Errors are where versions show."""
    get, trace, unknown = "GET / HTTP/1.1", "TRACE / HTTP/1.1", "GET / HTTP/3.0"
    answers = [
        _answer(site, get, tls=False, port=80),
        _answer(site, get, tls=False),
        *(_answer(site, request) for request in (get, trace, unknown)),
    ]
    found: dict[int, set[str]] = {}
    for answer in answers:
        said = re.findall(r"(?im)^(?:server|via|x-powered-by):.*$|nginx/[\d.]+", answer)
        found.setdefault(int(answer.split()[1]), set()).update(line.strip() for line in said)
    return found


def _answer(site: Site, request: str, *, tls: bool = True, port: int = 443) -> str:
    connection = socket.create_connection((site.address, port), timeout=10)
    if tls:
        context = ssl.create_default_context(cafile=str(site.ca))
        # One that Python's own strictness refuses is no concern of these tests.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        connection = context.wrap_socket(connection, server_hostname=site.name)
    with closing(connection):
        connection.sendall(f"{request}\r\nHost: {site.name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
