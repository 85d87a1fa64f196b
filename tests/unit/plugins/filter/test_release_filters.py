"""Which applications are released where, and what is shown of their releases."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.app_follow import app_follow
from ansible_collections.farol.vps.plugins.filter.app_public import app_public
from ansible_collections.farol.vps.plugins.filter.app_secrets import app_secrets
from ansible_collections.farol.vps.plugins.filter.app_selected import app_selected
from ansible_collections.farol.vps.plugins.filter.app_singletons import app_singletons
from ansible_collections.farol.vps.plugins.filter.releases_table import releases_table

API = {
    "name": "api",
    "version": "1.0",
    "source": {"git": "https://git.test/api.git", "token": "t0ken"},
    "secrets": {"A": "s3cret"},
    "services": {"worker": {"command": "w", "secrets": {"B": "s3cret-b"}}, "plain": None},
    "accessories": {"db": {"image": "db", "secrets": {"C": "s3cret-c"}}, "cache": {"image": "c"}},
}
WEB = {"name": "web", "version": "2.0", "services": {"cron": {"singleton": True}}}


def test_an_entry_is_parted_into_what_may_be_shown_and_what_may_not():
    public, secrets = app_public(API), app_secrets(API)
    assert "s3cret" not in json.dumps(public) and "t0ken" not in json.dumps(public)
    assert public["services"]["worker"] == {"command": "w"}
    assert secrets == {
        "app": {"A": "s3cret"},
        "source": {"token": "t0ken"},
        "services": {"worker": {"B": "s3cret-b"}},
        "accessories": {"db": {"C": "s3cret-c"}},
    }


def test_one_application_is_chosen_perhaps_in_another_version():
    assert app_selected([API, WEB]) == [API, WEB]
    assert app_selected([API, WEB], "web") == [WEB]
    assert app_selected([API, WEB], "web", "2.1")[0]["version"] == "2.1"
    assert app_selected([API], version="1.1")[0]["version"] == "1.1"


def test_of_what_only_other_hosts_have_a_host_has_none():
    hostvars = {"edge": {"apps": []}, "db": {}, "app-1": {"apps": [API]}}
    assert app_selected([], "api", "1.1", list(hostvars), hostvars) == []
    assert app_selected([WEB], "api", "", list(hostvars), hostvars) == []
    with pytest.raises(AnsibleFilterError, match="no application apj in apps, which has api; did"):
        app_selected([], "apj", "", list(hostvars), hostvars)
    with pytest.raises(AnsibleFilterError, match="no application api in apps, which has none"):
        app_selected([], "api", "", ["edge", "db"], hostvars)


@pytest.mark.parametrize(
    ("only", "version", "message"),
    [
        ("wep", "", "there is no application wep in apps, which has api, web; did you mean web?"),
        ("", "3.0", "a version goes with one application: name it with app=api or app=web"),
    ],
)
def test_what_cannot_be_chosen_is_refused(only, version, message):
    with pytest.raises(AnsibleFilterError) as error:
        app_selected([API, WEB], only, version)
    assert message in str(error.value)


def test_a_service_that_runs_once_runs_on_the_first_host_of_its_application():
    hostvars = {"db": {}, "one": {"apps": [WEB]}, "two": {"apps": [API, WEB]}}
    hosts = list(hostvars)
    assert [app_singletons(WEB, host, hosts, hostvars) for host in hosts] == [False, True, False]
    assert app_singletons(API, "db", hosts, hostvars), "no service of it runs once"


def test_a_host_is_given_what_it_needs_to_follow_a_tag_and_nothing_for_others():
    followed = {**API, "follow": True, "host_port": 20010}
    files = app_follow([followed, WEB], {"keep_releases": 3}, "one", ["one"], {"one": {}})
    assert list(files) == ["etc/farol/follow/api.json"]
    given = json.loads(files["etc/farol/follow/api.json"])
    assert given["ports"] == {"blue": 20010, "green": 20011} and given["keep_releases"] == 3
    assert given["secrets"]["app"] == {"A": "s3cret"} and "secrets" not in given["app"]


def test_releases_are_a_table_with_the_newest_first():
    info = {
        "serving": "1.1-b",
        "colour": "green",
        "canary": 10,
        "maintenance": True,
        "held": "1.2-c",
        "kept": [{"release": "1.0-a"}, {"release": "1.1-b"}],
        "log": [
            {
                "time": "T1",
                "action": "release",
                "release": "1.1-b",
                "previous": "1.0-a",
                "outcome": "released",
            }
            | {
                "steps": [{"step": "gate", "seconds": 1.25}, {"step": "flip", "seconds": 0.01}],
                "by": "ana",
            },
            {
                "time": "T2",
                "action": "release",
                "release": "1.2-c",
                "outcome": "failed",
                "reason": "no room\nlong story",
            },
        ],
    }
    assert releases_table(info) == "\n".join(
        [
            "serves 1.1-b (green); a canary gets 10 % of the clients; closed for maintenance; held back: 1.2-c; kept: 1.0-a, 1.1-b",
            "time  action   release  before  seconds  outcome          by",
            "T2    release  1.2-c                0.0  failed: no room",
            "T1    release  1.1-b    1.0-a       1.3  released         ana",
        ]
    ).replace("1.3", f"{1.26:.1f}")
    nothing = {
        **dict.fromkeys(("canary", "held", "serving", "maintenance")),
        "colour": "blue",
        "kept": [],
        "log": [],
    }
    assert releases_table(nothing).startswith("serves nothing (blue); kept: none\n")
