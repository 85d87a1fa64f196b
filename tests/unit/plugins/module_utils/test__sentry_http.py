# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from email.utils import formatdate

import pytest
from ansible_collections.farol.vps.plugins.module_utils._sentry import (
    SentryError,
    account,
    release_path,
    same_deploy,
    seconds_of,
    stamp,
    told,
)
from ansible_collections.farol.vps.plugins.module_utils._sentry_http import Api, retry_after
from sentry_server import TOKEN, SentryServer

NOW = 1795514400.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "soon", "x-sentry-rate-limit-reset": str(NOW + 9)}, 9),
    ],
    ids=str,
)
def test_how_long_a_rate_limit_asks_to_wait(headers, seconds):
    assert retry_after(headers, NOW) == seconds


def test_pauses_grow_up_to_five_seconds():
    server, slept = SentryServer(), []
    api = Api(server.url, TOKEN, sleep=slept.append)
    server.fault("GET", "/api/0/", *[503] * 5)
    assert api.call("GET", "/api/0/").status == 200
    assert slept == [1, 2, 4, 5, 5]
    server.close()


def test_a_limit_without_a_time_is_asked_again_and_not_for_ever():
    server, slept = SentryServer(), []
    api = Api(server.url, TOKEN, patience=3, sleep=slept.append)
    server.fault("GET", "/api/0/", *[429] * 9)
    with pytest.raises(SentryError, match="too many requests"):
        api.call("GET", "/api/0/")
    assert slept == [1, 1, 1]
    server.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T10:00:00Z", NOW),
        ("2026-11-24T10:00:00.250000Z", NOW + 0.25),
        ("2026-11-24T10:00:00.250000125Z", NOW + 0.250000125),
        ("2026-11-24T12:00:00+02:00", NOW),
        ("2026-11-24T12:00:00+0200", NOW),
        ("2026-11-24T10:00:00", NOW),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times(text, seconds):
    assert seconds_of(text) == seconds


def test_a_time_is_written_as_it_is_read():
    assert stamp(NOW + 0.25) == "2026-11-24T10:00:00.250000Z"


def test_versions_in_paths():
    path = release_path("acme", "pkg@1.0+b2 é#?%", "deploys")
    assert path == "/api/0/organizations/acme/releases/pkg@1.0%2Bb2%20%C3%A9%23%3F%25/deploys/"


def test_deploys_are_told_apart():
    wanted = {"environment": "production", "name": ""}
    found = {"environment": "production", "name": None, "dateFinished": "2026-11-24T10:00:00Z"}
    assert same_deploy(wanted, found)
    assert same_deploy(wanted, found, NOW)
    assert not same_deploy(wanted, found, NOW + 1)
    assert not same_deploy(wanted, {**found, "dateFinished": None}, NOW)
    assert not same_deploy({**wanted, "name": "n"}, found)
    assert not same_deploy({**wanted, "environment": "staging"}, found)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"detail": "No"}, "No"),
        ({"detail": {"code": "sso", "message": "Log in"}}, "Log in"),
        (
            {"projects": ["Bad", "Worse"], "version": ["Long"]},
            "projects: Bad, Worse; version: Long",
        ),
        ({"commits": [{}, {"id": ["Long"]}]}, "commits: id: Long"),
        (["No"], "No"),
        ("with no JSON", "with no JSON"),
    ],
    ids=str,
)
def test_what_sentry_says_is_told_with_its_fields(answer, text):
    assert told(answer) == text


def test_addresses():
    plain = account("https://de.sentry.io/api/0/", "acme", f" {TOKEN}\n")
    assert (plain.url, plain.token) == ("https://de.sentry.io", TOKEN)
    assert account("", "acme", TOKEN).url == "https://sentry.io"
    for url in ("https://user:secret@sentry.io", "https://sentry.io/?a", "ftp://sentry.io"):
        with pytest.raises(SentryError, match="^url: "):
            account(url, "acme", TOKEN)
