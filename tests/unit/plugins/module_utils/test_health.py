"""The runner: side by side, tried again, one deadline."""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import threading
import time
from http.client import BadStatusLine, InvalidURL, RemoteDisconnected

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _health
from ansible_collections.farol.vps.plugins.module_utils._health import (
    Check,
    Hopeless,
    Observation,
    Probe,
    Result,
    explain,
    failure_message,
    run_checks,
    shorten,
)


def check(look, name="a", timeout=5.0):
    return Check(name, "tcp", timeout, Probe("target", "good", look))


def test_checks_run_side_by_side():
    def slow(_timeout):
        time.sleep(0.2)
        return Observation(True, "good")

    began = time.monotonic()
    results = run_checks([check(slow)] * 80, 0.1, 5)

    assert time.monotonic() - began < 1.5
    assert all(result.ok for result in results)
    assert all(result.latency_ms >= 200 for result in results)


def test_a_check_is_tried_until_it_passes():
    tries = itertools.count(1)

    def third_time(_timeout):
        number = next(tries)
        return Observation(number == 3, f"try {number}")

    [result] = run_checks([check(third_time)], 0.01, 5)

    assert (result.ok, result.seen, result.tries) == (True, "try 3", 3)


def test_a_check_fails_at_its_own_deadline_with_what_it_last_saw():
    looks = [
        check(lambda _timeout: Observation(False, "bad"), "short", timeout=1),
        check(lambda _timeout: Observation(False, "bad"), "long", timeout=2),
    ]

    began = time.monotonic()
    short, long = run_checks(looks, 0.05, 5)

    assert 1.5 <= time.monotonic() - began < 10
    assert (short.ok, short.seen) == (False, "bad")
    assert 1 < short.tries < long.tries


def test_a_check_that_hangs_is_left_behind():
    release = threading.Event()

    def hang(_timeout):
        release.wait(10)
        return Observation(True, "too late")

    began = time.monotonic()
    [result] = run_checks([check(hang, timeout=0.2)], 0.05, 5)
    release.set()

    assert time.monotonic() - began < 8
    assert (result.ok, result.seen, result.tries) == (False, "no answer within 0.2 s", 1)


def test_a_try_the_deadline_cut_short_does_not_hide_the_one_before():
    tries = itertools.count(1)

    def look(timeout):
        if next(tries) == 1:
            return Observation(False, "503")
        time.sleep(timeout)
        raise TimeoutError

    [result] = run_checks([check(look, timeout=2)], 0.05, 5)

    assert (result.seen, result.tries) == ("503", 2)


def test_a_try_gets_no_more_than_its_share():
    given = []

    def look(timeout):
        given.append(timeout)
        return Observation(len(given) == 2, "")

    run_checks([check(look, timeout=9)], 0.01, 0.5)
    run_checks([check(look, timeout=0.2)], 0.3, 0.5)

    assert given[:2] == [0.5, 0.5]
    assert given[2] <= 0.2


def test_a_try_that_begins_late_still_has_time_to_look(monkeypatch):
    monkeypatch.setattr(_health, "GRACE", 5)
    given = []

    def look(timeout):
        given.append(timeout)
        return Observation(True, "good")

    [result] = run_checks([check(look, timeout=0.000001)], 0.05, 5)

    assert result.ok
    assert given == [5]


def test_a_hopeless_fault_is_not_tried_again():
    def look(_timeout):
        raise Hopeless("no docker command")

    [result] = run_checks([check(look)], 0.01, 5)

    assert (result.ok, result.seen, result.tries) == (False, "no docker command", 1)


def test_results_report_their_state():
    passed = Result("a", "tcp", "h:1", "open", "open", ok=True, latency_ms=1.5, tries=2)

    assert passed.as_dict() == {
        "name": "a",
        "type": "tcp",
        "target": "h:1",
        "expected": "open",
        "seen": "open",
        "ok": True,
        "state": "passed",
        "latency_ms": 1.5,
        "tries": 2,
    }
    assert Result("a", "tcp", "h:1", "open", "closed").as_dict()["state"] == "failed"


def test_the_message_names_each_failed_check():
    results = [
        Result("api", "http", "http://h/", "200", "503 down", tries=4),
        Result("ssh", "tcp", "h:22", "open", "open", ok=True),
        Result("db", "tcp", "h:5432", "closed", "open"),
    ]

    assert failure_message(results) == (
        "2 of 3 health checks failed:\n"
        "api (http http://h/): expected 200; seen 503 down; 4 tries\n"
        "db (tcp h:5432): expected closed; seen open; 1 try"
    )


CUT = "connection closed before the answer was complete"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer within 2.5 s"),
        (subprocess.TimeoutExpired(["docker"], 2.5), "no answer within 2.5 s"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "the host name does not resolve"),
        (ConnectionResetError(104, "Connection reset by peer"), CUT),
        (RemoteDisconnected(""), CUT),
        (ssl.SSLEOFError(8, "EOF occurred"), CUT),
        (ssl.SSLError(1, "strange"), "TLS failed: strange"),
        (BadStatusLine("SSH-2.0-OpenSSH_9.6\r\n"), "not an HTTP answer: SSH-2.0-OpenSSH_9.6"),
        (OSError(113, "No route to host"), "No route to host"),
        (InvalidURL("control characters"), "control characters"),
        (KeyError("State"), "KeyError: 'State'"),
    ],
)
def test_faults_are_put_into_words(error, words):
    assert explain(error, 2.5) == words


def test_long_text_becomes_one_short_line():
    assert shorten("a\n  b") == "a b"
    assert shorten("x" * 200, 10) == "xxxxxxxxx…"
