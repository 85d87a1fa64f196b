# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json

import pytest
from ansible_collections.farol.vps.plugins.filter.app_follow import app_follow
from ansible_collections.farol.vps.plugins.filter.app_public import app_public
from ansible_collections.farol.vps.plugins.filter.app_secrets import app_secrets
from ansible_collections.farol.vps.plugins.filter.app_with_sentry import app_with_sentry
from ansible_collections.farol.vps.plugins.filter.sentry_apps import sentry_apps
from ansible_collections.farol.vps.plugins.filter.sentry_releases import sentry_releases
from ansible_collections.farol.vps.plugins.module_utils._compose import accessories, release
from ansible_collections.farol.vps.plugins.module_utils._release_app import entry
from ansible_collections.farol.vps.plugins.plugin_utils._apps import check_apps

DSN = "https://0123abcd@o1.ingest.sentry.io/42"
# 2026-11-24T10:00:00Z
TEN = 1795514400.0


def app(sentry=None, **more):
    return {
        "name": "api",
        "domain": "api.example.com",
        "image": "ghcr.io/acme/api",
        "version": "1.4.2",
        "port": 8000,
        **({"sentry": sentry} if sentry is not None else {}),
        **more,
    }


def says(serving="1.4.1-aa", previous="1.4.0-bb", **more):
    return {
        "serving": serving,
        "kept": [
            {"release": f"{version}-{mark}", "version": version}
            for version, mark in (("1.4.0", "bb"), ("1.4.1", "aa"), ("1.4.2", "cc"))
        ],
        "log": [
            {
                "time": "2026-11-24T10:00:00Z",
                "release": serving,
                "previous": previous,
                "outcome": "released",
                "steps": [{"step": "start", "seconds": 2.5}, {"step": "gate", "seconds": 1}],
            },
            {"time": "2026-11-24T11:00:00Z", "release": "1.4.3-dd", "outcome": "failed"},
        ],
        **more,
    }


# In the containers.


def test_every_container_of_a_release_knows_its_release_and_no_accessory_does():
    (enriched,) = app_with_sentry(
        [
            app(
                {"dsn": DSN},
                services={"worker": {"command": "w"}},
                migrate="m",
                accessories={"db": {"image": "postgres:17"}},
            )
        ]
    )
    whole = entry(app_public(enriched), app_secrets(enriched))
    bundle = release(whole)
    for name in ("web", "worker", "migrate"):
        public = bundle.public["services"][name]["environment"]
        assert public["SENTRY_RELEASE"] == "api@1.4.2"
        assert public["SENTRY_ENVIRONMENT"] == "production"
        assert bundle.secret["services"][name]["environment"] == {"SENTRY_DSN": DSN}
    assert "SENTRY" not in json.dumps(accessories(whole).public)
    assert DSN not in json.dumps(app_public(enriched))


def test_what_the_entry_sets_itself_stays():
    (enriched,) = app_with_sentry(
        [
            app(
                {"dsn": DSN, "environment": "x"},
                env={"SENTRY_ENVIRONMENT": "demo", "SENTRY_RELEASE": "own"},
                secrets={"SENTRY_DSN": "other"},
            )
        ]
    )
    assert enriched["env"] == {"SENTRY_ENVIRONMENT": "demo", "SENTRY_RELEASE": "own"}
    assert enriched["secrets"] == {"SENTRY_DSN": "other"}


def test_an_application_without_sentry_is_left_alone():
    assert app_with_sentry([app()]) == [app()]


def test_a_host_that_follows_a_tag_is_told_too():
    files = app_follow(
        app_with_sentry([app({"dsn": DSN}, follow=True, version="stable")]), {}, "h", ["h"], {}
    )
    told = json.loads(files["etc/farol/follow/api.json"])
    assert told["app"]["env"]["SENTRY_RELEASE"] == "api@stable"
    assert told["secrets"]["app"] == {"SENTRY_DSN": DSN}


@pytest.mark.parametrize(
    ("sentry", "more", "fault"),
    [
        ({"dsn": "https://sentry.io/42"}, {}, "sentry.dsn: is no DSN"),
        ({"environment": "a/b"}, {}, "sentry.environment: leave out slashes"),
        ({"checkout": "~/src"}, {}, "sentry.checkout: has no meaning without project"),
        ({"project": "a", "commit": "f"}, {}, "sentry.commit: needs repository"),
        (
            {"project": "a", "commit": "f", "repository": "r", "checkout": "c"},
            {},
            "sentry.commit: checkout is set too",
        ),
        ({}, {"env": {"SENTRY_RELEASE": "a/b"}}, ""),
        (
            {"project": "a"},
            {"env": {"SENTRY_RELEASE": "a/b"}},
            "env.SENTRY_RELEASE: holds '/', which Sentry refuses",
        ),
    ],
    ids=str,
)
def test_faults_are_named_without_the_dsn(sentry, more, fault):
    faults = check_apps([app(sentry, **more)])
    assert [each for each in faults if not each.startswith(f"apps[0].{fault}")] == []
    assert len(faults) == bool(fault)
    assert "sentry.io/42" not in str(faults)


def test_a_full_entry_is_fine():
    assert (
        check_apps([app({"dsn": DSN, "project": "api", "checkout": "c", "repository": "r"})]) == []
    )


# At Sentry.


def test_the_first_host_of_an_application_tells_of_it():
    api, web = app({"project": "api"}), app({"project": "web"}, name="web")
    hostvars = {"one": {"apps": [api]}, "two": {"apps": [api, web]}, "three": {}}
    hosts = ["three", "one", "two"]
    assert sentry_apps([api], "one", hosts, hostvars) == [api]
    assert sentry_apps([api, web], "two", hosts, hostvars) == [web]
    # Where only the second is released to, it tells of both.
    assert sentry_apps([api, web], "two", ["two"], hostvars) == [api, web]
    assert sentry_apps([api, web], "two", ["two"], hostvars, "web", "2.0") == [
        {**web, "version": "2.0"}
    ]
    assert sentry_apps([app(), app({"dsn": DSN})], "one", ["one"], hostvars) == []


def test_a_release_is_created_with_the_commits_since_what_serves():
    (wish,) = sentry_releases(
        [app({"project": "api, worker", "checkout": "~/src"})], {"api": says()}
    )
    assert wish == {
        "version": "api@1.4.2",
        "projects": ["api", "worker"],
        "git": {"path": "~/src", "version": "1.4.2", "previous": "1.4.1", "ignore_missing": True},
    }


def test_a_first_release_has_no_release_before():
    (wish,) = sentry_releases(
        [app({"project": "api", "checkout": "~/src"})], {"api": {"serving": None}}
    )
    assert "previous" not in wish["git"]
    (wish,) = sentry_releases([app({"project": "api"})])
    assert wish == {"version": "api@1.4.2", "projects": ["api"]}


def test_commits_by_reference():
    entry = {"project": "api", "checkout": "~/src", "repository": "acme/api"}
    (wish,) = sentry_releases([app(entry)], {"api": says()})
    assert (wish["git"]["send"], wish["git"]["repository"]) == ("refs", "acme/api")
    entry = {"project": "api", "commit": "f" * 40, "repository": "acme/api"}
    (wish,) = sentry_releases([app(entry)], {"api": says()})
    assert wish["refs"] == [{"repository": "acme/api", "commit": "f" * 40}]


def test_what_serves_is_registered_with_when_it_was_released():
    (wish,) = sentry_releases([app({"project": "api"})], {"api": says()}, deployed=True)
    assert wish == {
        "version": "api@1.4.1",
        "projects": ["api"],
        "deploy": {
            "environment": "production",
            "url": "https://api.example.com",
            "started": TEN - 3.5,
            "finished": TEN,
            "since": TEN,
        },
    }


def test_a_release_that_was_not_told_of_gets_its_commits_afterwards():
    (wish,) = sentry_releases(
        [app({"project": "api", "checkout": "~/src"})], {"api": says()}, deployed=True
    )
    assert (wish["git"]["previous"], wish["git"]["version"]) == ("1.4.0", "1.4.1")


def test_what_does_not_serve_is_not_registered():
    nothing = {"serving": None, "kept": [], "log": []}
    assert sentry_releases([app({"project": "api"})], {"api": nothing}, deployed=True) == []
    assert sentry_releases([app({"project": "api"})], {}, deployed=True) == []


def test_without_a_log_it_is_registered_as_of_now():
    (wish,) = sentry_releases([app({"project": "api"})], {"api": says(log=[])}, deployed=True)
    assert wish["deploy"] == {"environment": "production", "url": "https://api.example.com"}
