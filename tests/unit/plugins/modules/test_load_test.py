# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""load_test, with the real Locust against a server of the test."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _load_test
from ansible_collections.farol.vps.plugins.modules import load_test

PROJECT = Path(__file__).parents[4]
LOCUSTFILE = PROJECT / "playbooks/files/load_test.py"
OPTIONS = {
    "url": "http://nowhere.invalid",
    "address": "127.0.0.1",
    "ca_file": None,
    "validate_certs": True,
    "requests_per_second": 20,
    "users": None,
    "timeout": 5,
    "paths": [{"path": "/"}],
}


@contextlib.contextmanager
def server():
    """What was asked of it: (method, path, Host, body) with how often."""
    asked: Counter = Counter()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            known = self.headers["Host"], self.headers.get("X-Token")
            asked[(self.command, self.path, *known, body)] += 1
            self.send_response(500 if self.path == "/broken" else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_POST = do_GET

        def log_message(self, *_arguments):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield running.server_port, asked
    finally:
        running.shutdown()
        running.server_close()


def run_module(tmp_path, **options):
    given = tmp_path / "arguments.json"
    given.write_text(
        json.dumps({"ANSIBLE_MODULE_ARGS": {"locustfile": str(LOCUSTFILE), **options}})
    )
    ran = subprocess.run(
        [sys.executable, "-m", load_test.__name__, str(given)],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(ran.stdout), ran.stdout


def test_requests_are_sent_at_their_rate_by_their_weights_to_the_address(tmp_path):
    report = tmp_path / "report.html"
    with server() as (port, asked):
        said, text = run_module(
            tmp_path,
            url=f"http://api.invalid:{port}",
            address="127.0.0.1",
            requests_per_second=60,
            seconds=4,
            report=str(report),
            paths=[
                {"path": "/", "weight": 8, "headers": {"X-Token": "t0p-secret"}},
                {"path": "/hook?a=1", "method": "POST", "body": {"n": 1}},
                {"path": "/broken"},
            ],
        )

    figures = said["figures"]
    assert 25 <= figures["total"]["requests_per_second"] <= 66
    assert set(figures["paths"]) == {"GET /", "POST /hook?a=1", "GET /broken"}
    root = figures["paths"]["GET /"]
    assert root["requests"] > 5 * figures["paths"]["GET /broken"]["requests"] / 2
    assert root["failed"] == 0 < root["p50_ms"] <= root["p95_ms"] <= root["p99_ms"]
    broken = figures["paths"]["GET /broken"]
    assert broken["failed"] == broken["requests"] == figures["total"]["failed"]
    assert figures["errors"] == {"GET /broken: status 500": broken["failed"]}
    assert {request[:4] for request in asked} == {
        ("GET", "/", f"api.invalid:{port}", "t0p-secret"),
        ("POST", "/hook?a=1", f"api.invalid:{port}", None),
        ("GET", "/broken", f"api.invalid:{port}", None),
    }
    assert json.loads(next(body for *_rest, body in asked if body)) == {"n": 1}
    # The first two seconds are not counted.
    assert sum(asked.values()) > figures["total"]["requests"] + 20
    assert "t0p-secret" not in text and "<html" in report.read_text()


def test_a_server_that_is_down_is_failures_and_no_error(tmp_path):
    with server() as (port, _asked):
        pass
    said, _text = run_module(
        tmp_path, url=f"http://127.0.0.1:{port}", seconds=1, paths=[{"path": "/"}]
    )

    total = said["figures"]["total"]
    assert total["failed"] == total["requests"] > 0
    assert any("refused" in text for text in said["figures"]["errors"])


def test_without_locust_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(_load_test.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(_load_test.shutil, "which", lambda name: None)
    with pytest.raises(_load_test.LoadTestError, match="/py -m pip install locust"):
        _load_test.find_locust("/py")
    monkeypatch.setattr(_load_test.shutil, "which", lambda name: "/bin/locust")
    assert _load_test.find_locust() == ["/bin/locust"]


@pytest.mark.parametrize(("rate", "users"), [(0.5, 1), (3, 3), (100, 14), (1000, 104)])
def test_visitors_are_enough_to_wait_100_ms_each(rate, users):
    assert _load_test.complete({**OPTIONS, "requests_per_second": rate})["users"] == users
    assert _load_test.complete({**OPTIONS, "users": 7})["users"] == 7


def test_a_path_is_completed():
    scenario = _load_test.complete(
        {**OPTIONS, "paths": [{"path": "/", "status": [204]}, {"path": "/x"}]}
    )

    assert scenario["paths"][0]["status"] == [204] and 302 in scenario["paths"][1]["status"]
    assert scenario["paths"][1] | {"status": 0} == {
        "path": "/x",
        "weight": 1,
        "method": "GET",
        "headers": {},
        "body": None,
        "status": 0,
    }


def script(tmp_path, text):
    path = tmp_path / "locust"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path)]


def test_what_locust_says_at_a_failed_start_is_shown(tmp_path):
    locust = script(tmp_path, "echo 'no such file' >&2; exit 2")
    with pytest.raises(_load_test.LoadTestError, match="ended with 2 .* said: no such file"):
        _load_test.run(_load_test.complete(OPTIONS), 1, "x.py", "", locust)


def test_a_locust_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(_load_test, "EXTRA", -2.7)
    locust = script(tmp_path, "exec sleep 30")
    with pytest.raises(_load_test.LoadTestError, match="did not end"):
        _load_test.run(_load_test.complete(OPTIONS), 1, "x.py", "", locust)


def test_a_test_that_sent_nothing_is_an_error(tmp_path):
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps({"total": {"requests": 0}}))
    with pytest.raises(_load_test.LoadTestError, match="sent no request"):
        _load_test.read(str(figures), 0, "")


def test_the_scenario_is_for_this_user_alone(tmp_path):
    seen = tmp_path / "seen"
    locust = script(
        tmp_path, f'stat -c %a "$(dirname "$FAROL_SCENARIO")" >{seen}; echo "$@" >>{seen}'
    )
    options = {**OPTIONS, "paths": [{"path": "/", "headers": {"X-Token": "t0p-secret"}}]}
    with pytest.raises(_load_test.LoadTestError):
        _load_test.run(_load_test.complete(options), 1, "x.py", "r.html", locust)
    mode, arguments = seen.read_text().split(maxsplit=1)
    assert mode == "700" and "--html r.html" in arguments and "t0p-secret" not in arguments
