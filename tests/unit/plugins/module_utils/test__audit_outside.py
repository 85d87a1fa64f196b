# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit sees from outside: real sockets, a real TLS server, and output of real scanners."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _audit_outside
from ansible_collections.farol.vps.plugins.modules import audit_outside

ANSWER = b"HTTP/1.1 200 OK\r\nServer: nginx/1.2\r\nX-Powered-By: PHP\r\nReferrer-Policy: no\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj /CN=api.test"
    subprocess.run(
        [
            *command.split(),
            "-addext",
            "subjectAltName=DNS:api.test",
            "-keyout",
            "key",
            "-out",
            "crt",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def serve(answer, context=None):
    """A server on a port of its own that gives the same answer to everybody."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                connection.recv(4096)
                connection.sendall(answer)
            except OSError:
                pass
            finally:
                connection.close()

    threading.Thread(target=run, daemon=True).start()
    return listener


@pytest.fixture
def site(certificate, monkeypatch):
    """A TLS server and a plain one, in the place of ports 443 and 80."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    listeners = {
        443: serve(ANSWER, context),
        80: serve(
            b"HTTP/1.1 301 Moved\r\nLocation: https://api.test/\r\nContent-Length: 0\r\n\r\n"
        ),
    }
    connect = socket.create_connection

    def instead(address, *arguments, **options):
        listener = listeners[address[1]]
        # Nobody listens at port 1.
        port = listener.getsockname()[1] if listener.fileno() >= 0 else 1
        return connect((address[0], port), *arguments, **options)

    monkeypatch.setattr(_audit_outside.socket, "create_connection", instead)
    yield listeners
    for listener in listeners.values():
        listener.close()


def test_a_site_shows_its_certificate_headers_and_redirect(site, certificate):
    found = _audit_outside.site("api.test", "127.0.0.1", str(certificate / "crt"))

    assert 9 < found.pop("days") < 10.1
    assert found == {
        "name": "api.test",
        "distrust": "",
        "missing": [
            "strict-transport-security",
            "x-content-type-options",
            "content-security-policy",
            "x-frame-options",
        ],
        "server": "nginx/1.2",
        "powered": "PHP",
        "http": "redirect",
        "old_protocols": [],
    }


def test_a_certificate_that_is_not_trusted_is_told_and_the_rest_is_seen(site):
    found = _audit_outside.site("api.test", "127.0.0.1", "")

    assert "self" in found["distrust"] and found["server"] == "nginx/1.2"


def test_old_protocols_are_told(certificate, site):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    site[443].close()
    site[443] = serve(ANSWER, context)

    found = _audit_outside.site("api.test", "127.0.0.1", str(certificate / "crt"))
    assert found["old_protocols"] == ["TLSv1.1"]


def test_plain_http_is_open_where_it_answers_and_closed_where_nobody_does(site):
    site[80].close()
    assert _audit_outside._plain("api.test", "127.0.0.1") == "closed"
    site[80] = serve(b"HTTP/1.1 301 x\r\nLocation: http://api.test/\r\nContent-Length: 0\r\n\r\n")
    assert _audit_outside._plain("api.test", "127.0.0.1") == "open"


def test_a_site_that_is_down_is_a_fault(site):
    site[443].close()
    assert "refused" in _audit_outside.site("api.test", "127.0.0.1", "")["fault"].lower()


def test_open_ports_are_told_from_closed_ones():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert _audit_outside.open_ports("127.0.0.1", [port, port, 1]) == [port]


def test_ssh_audit_is_read():
    report = {
        "kex": [
            {"algorithm": "sntrup761x25519-sha512", "notes": {"info": ["new"]}},
            {"algorithm": "curve25519-sha256", "notes": {"warn": ["no protection"]}},
        ],
        "key": [{"algorithm": "ssh-rsa", "notes": {"fail": ["broken hash", "old"]}}],
        "cves": [{"name": "CVE-1"}],
    }
    assert _audit_outside.ssh_findings(json.dumps(report)) == [
        {"algorithm": "curve25519-sha256", "level": "warn", "why": "no protection"},
        {"algorithm": "ssh-rsa", "level": "fail", "why": "broken hash; old"},
        {"algorithm": "CVE-1", "level": "fail", "why": "a known hole"},
    ]


SSLYZE = """
 COMPLIANCE AGAINST TLS CONFIGURATION
 ------------------------------------

    Checking results against Mozilla's "intermediate" configuration.

    api.farol.test:443: FAILED - Not compliant.
        * certificate_path_validation: Certificate path validation failed for O=default-noble.
"""


def test_sslyze_is_read():
    assert _audit_outside.sslyze_findings(SSLYZE) == [
        "certificate_path_validation: Certificate path validation failed for O=default-noble."
    ]
    assert _audit_outside.sslyze_findings(SSLYZE.replace("FAILED - Not c", "OK - C")) == []
    for said in ("killed", "COMPLIANCE AGAINST TLS CONFIGURATION\nnew format"):
        with pytest.raises(ValueError):
            _audit_outside.sslyze_findings(said)


def test_bandit_and_pip_audit_are_read():
    result = {"test_id": "B608", "filename": "db.py", "line_number": 3, "issue_text": "SQL"}
    report = {"results": [{**result, "issue_severity": level} for level in ("LOW", "HIGH")]}
    assert _audit_outside.bandit_findings(json.dumps(report)) == [
        {"id": "B608", "severity": "high", "where": "db.py:3", "text": "SQL"}
    ]
    holes = [{"id": "PYSEC-1", "fix_versions": ["2"]}]
    packages = [{"name": "a", "version": "1", "vulns": holes}, {"name": "b", "skip_reason": "x"}]
    assert _audit_outside.pip_audit_findings(json.dumps({"dependencies": packages})) == [
        {"id": "PYSEC-1", "package": "a 1", "fixed": ["2"]}
    ]


def tool(tmp_path, monkeypatch, text):
    path = tmp_path / "tool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setattr(_audit_outside, "find_tool", lambda name: str(path))


def test_a_scanner_that_is_missing_is_told_once_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr(_audit_outside, "find_tool", lambda name: "")
    scanners = audit_outside.Scanners()

    for _time in range(2):
        assert scanners.run("sslyze", [], json.loads, ["nothing"]) == ["nothing"]
    assert scanners.left_out == [
        {"what": "sslyze", "why": "not installed on the controller: pip install sslyze"}
    ]


def test_a_scanner_that_breaks_is_told_with_what_it_said(tmp_path, monkeypatch):
    scanners = audit_outside.Scanners()
    tool(tmp_path, monkeypatch, "echo 'cannot connect' >&2; exit 3")
    assert scanners.run("ssh-audit", [], json.loads, []) == []
    tool(tmp_path, monkeypatch, "echo not json")
    assert scanners.run("sslyze", [], json.loads, [], "api.test") == []

    first, second = scanners.left_out
    assert first == {"what": "ssh-audit", "why": "it ended with 3 and said: cannot connect"}
    assert second["what"] == "sslyze of api.test"


def test_a_source_without_folder_or_requirements_is_told(tmp_path, monkeypatch):
    tool(tmp_path, monkeypatch, "echo '{\"results\": []}'")
    scanners = audit_outside.Scanners()

    assert audit_outside.look_at_source("api", str(tmp_path / "no"), scanners) == ([], [])
    assert audit_outside.look_at_source("api", str(tmp_path), scanners) == ([], [])
    whys = [one["why"] for one in scanners.left_out]
    assert whys == [f"there is no folder {tmp_path}/no", f"there is no {tmp_path}/requirements.txt"]
