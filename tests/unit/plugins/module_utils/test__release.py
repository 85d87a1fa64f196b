from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release
from ansible_collections.farol.vps.plugins.module_utils._release import Container, Plan

WANTED = _release.Wanted(
    app="api",
    release="1.1-b",
    services=frozenset({"worker"}),
    accessories={"postgres": "acc-1"},
)
POSTGRES = Container("api-accessories", "postgres", "acc-1", "running", "p")
WORKER = Container("api-services", "worker", "1.1-b", "running", "w")


def web(colour: str, release: str = "1.1-b", state: str = "running") -> Container:
    return Container(f"api-{colour}", "web", release, state, f"{colour}-{release}")


def test_nothing_to_do_when_the_wanted_release_serves():
    plan = _release.plan(WANTED, "green", [POSTGRES, WORKER, web("green")])
    assert plan == Plan(accessories=False, switch_to=None, services=False, stop=None)
    assert plan.nothing


@pytest.mark.parametrize(
    ("live", "containers", "expected"),
    [
        pytest.param("blue", [], Plan(True, "blue", True, None), id="first release"),
        pytest.param(
            "blue",
            [
                POSTGRES,
                Container("api-services", "worker", "1.0-a", "running", "w"),
                web("blue", "1.0-a"),
            ],
            Plan(False, "green", True, "blue"),
            id="next release",
        ),
        pytest.param(
            "blue",
            [POSTGRES, WORKER, web("blue", state="exited")],
            Plan(False, "green", False, "blue"),
            id="the serving container stopped",
        ),
        pytest.param(
            "blue",
            [POSTGRES, WORKER, web("blue"), web("green", "1.2-c")],
            Plan(False, None, False, "green"),
            id="killed before the flip of a release that is no longer wanted",
        ),
        pytest.param(
            "green",
            [
                POSTGRES,
                Container("api-services", "worker", "1.0-a", "running", "w"),
                web("blue", "1.0-a"),
                web("green"),
            ],
            Plan(False, None, True, "blue"),
            id="killed after the flip",
        ),
        pytest.param(
            "green",
            [POSTGRES, WORKER, web("green"), web("blue", "1.0-a", "exited")],
            Plan(False, None, False, "blue"),
            id="killed while the old colour stopped",
        ),
        pytest.param(
            "green",
            [POSTGRES, WORKER, web("blue", "1.0-a")],
            Plan(False, "green", False, "blue"),
            id="a flag that names a colour without containers",
        ),
        pytest.param(
            "blue",
            [
                Container("api-accessories", "postgres", "acc-0", "running", "p"),
                WORKER,
                web("blue"),
            ],
            Plan(True, None, False, None),
            id="an accessory changed",
        ),
        pytest.param(
            "blue",
            [
                POSTGRES,
                WORKER,
                Container("api-services", "cron", "1.1-b", "running", "c"),
                web("blue"),
            ],
            Plan(False, None, True, None),
            id="a service that is no longer declared",
        ),
        pytest.param(
            "blue",
            [
                POSTGRES,
                Container("api-services", "worker", "1.1-b", "restarting", "w"),
                web("blue"),
            ],
            Plan(False, None, True, None),
            id="a service that crash-loops",
        ),
    ],
)
def test_what_is_left_to_do(live, containers, expected):
    assert _release.plan(WANTED, live, containers) == expected


def test_the_release_that_serves_is_the_live_colours():
    containers = [web("blue", "1.0-a"), web("green", "1.1-b")]
    assert _release.live_release(WANTED, "blue", containers) == "1.0-a"
    assert _release.live_release(WANTED, "green", containers) == "1.1-b"
    assert _release.live_release(WANTED, "green", [web("green", state="exited")]) is None


def test_docker_ps_is_parsed():
    output = "api-blue\tweb\t1.0-a\trunning\t0f3a\n\napi-services\tworker\t1.0-a\texited\t77aa\n"
    assert _release.parse_ps(output) == [
        Container("api-blue", "web", "1.0-a", "running", "0f3a"),
        Container("api-services", "worker", "1.0-a", "exited", "77aa"),
    ]


def test_secrets_are_masked_longest_first():
    text = "could not connect with s3cret-long, then with s3cret, port 80"
    assert _release.mask(text, ["s3cret", "s3cret-long", "80"]) == (
        "could not connect with ********, then with ********, port 80"
    )


@pytest.mark.parametrize(("keep", "gone"), [(1, ["a", "b"]), (2, ["a"]), (3, []), (0, ["a", "b"])])
def test_the_oldest_releases_go_and_the_current_one_stays(keep, gone):
    assert _release.superseded(["a", "b", "current"], keep, "current") == gone
