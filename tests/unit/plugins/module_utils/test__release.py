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


def plan_of(accessories: bool, switch_to: str | None, services: bool, stop: str | None) -> Plan:
    return Plan(accessories, switch_to is not None, switch_to, services, stop)


def web(colour: str, release: str = "1.1-b", state: str = "running") -> Container:
    return Container(f"api-{colour}", "web", release, state, f"{colour}-{release}")


def test_nothing_to_do_when_the_wanted_release_serves():
    plan = _release.plan(WANTED, "green", [POSTGRES, WORKER, web("green")])
    assert plan == Plan()
    assert plan.nothing


@pytest.mark.parametrize(
    ("live", "containers", "expected"),
    [
        pytest.param("blue", [], plan_of(True, "blue", True, None), id="first release"),
        pytest.param(
            "blue",
            [
                POSTGRES,
                Container("api-services", "worker", "1.0-a", "running", "w"),
                web("blue", "1.0-a"),
            ],
            plan_of(False, "green", True, "blue"),
            id="next release",
        ),
        pytest.param(
            "blue",
            [POSTGRES, WORKER, web("blue", state="exited")],
            plan_of(False, "green", False, "blue"),
            id="the serving container stopped",
        ),
        pytest.param(
            "blue",
            [POSTGRES, WORKER, web("blue"), web("green", "1.2-c")],
            plan_of(False, None, False, "green"),
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
            plan_of(False, None, True, "blue"),
            id="killed after the flip",
        ),
        pytest.param(
            "green",
            [POSTGRES, WORKER, web("green"), web("blue", "1.0-a", "exited")],
            plan_of(False, None, False, "blue"),
            id="killed while the old colour stopped",
        ),
        pytest.param(
            "green",
            [POSTGRES, WORKER, web("blue", "1.0-a")],
            plan_of(False, "green", False, "blue"),
            id="a flag that names a colour without containers",
        ),
        pytest.param(
            "blue",
            [
                Container("api-accessories", "postgres", "acc-0", "running", "p"),
                WORKER,
                web("blue"),
            ],
            plan_of(True, None, False, None),
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
            plan_of(False, None, True, None),
            id="a service that is no longer declared",
        ),
        pytest.param(
            "blue",
            [
                POSTGRES,
                Container("api-services", "worker", "1.1-b", "restarting", "w"),
                web("blue"),
            ],
            plan_of(False, None, True, None),
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


def test_a_killed_run_is_told_and_gone_on_with():
    old_worker = Container("api-services", "worker", "1.0-a", "running", "w")
    containers = [POSTGRES, old_worker, web("blue", "1.0-a"), web("green")]
    plan = _release.plan(WANTED, "blue", containers)
    assert plan == Plan(start=False, switch_to="green", services=True, stop="blue")
    assert plan.found == ("release 1.1-b (running) was in green already and is gone on with",)


def test_a_canary_of_another_release_is_left_alone():
    containers = [POSTGRES, WORKER, web("blue"), web("green", "1.2-c")]
    plan = _release.plan(WANTED, "blue", containers, canary=10)
    assert plan.nothing and "1.2-c (running) is a canary" in plan.found[0]


@pytest.mark.parametrize("idle", [[], [web("green", "1.2-c", "exited")]])
def test_a_canary_that_does_not_run_is_to_be_ended(idle):
    plan = _release.plan(WANTED, "blue", [POSTGRES, WORKER, web("blue"), *idle], canary=10)
    assert plan.end_canary and not plan.nothing


def test_a_release_that_was_rolled_back_does_not_return():
    containers = [POSTGRES, WORKER, web("blue", "1.0-a")]
    plan = _release.plan(WANTED, "blue", containers, held="1.1-b")
    assert plan.nothing and "1.1-b was rolled back and is left alone" in plan.found[0]
    assert not _release.plan(WANTED, "blue", [], held="1.1-b").nothing, "something has to serve"


def test_a_followed_tag_is_the_release_whatever_it_points_to():
    name = _release.followed("1.1-b", "sha256:0123456789abcdef")
    assert name == "1.1-b--01234567"
    assert _release.is_release(name, "1.1-b") and _release.is_release(name, name)
    assert not _release.is_release("1.1-b", name)
    services = Container("api-services", "worker", name, "running", "w")
    assert _release.plan(WANTED, "blue", [POSTGRES, services, web("blue", name)]).nothing


def test_what_runs_takes_over_from_what_does_not():
    containers = [web("blue", "1.0-a")]
    assert _release.healed(WANTED, "green", containers) == "blue"
    assert _release.healed(WANTED, "blue", containers) is None
    assert _release.healed(WANTED, "blue", []) is None
