"""Which steps each kind of plan takes, and what a failure of each leads to."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils._release import Plan
from ansible_collections.farol.vps.plugins.module_utils._release_run import Steps
from ansible_collections.farol.vps.plugins.module_utils._release_steps import Kind, steps, undo

FIRST = Plan(accessories=True, start=True, switch_to="blue", services=True)
NEXT = Plan(start=True, switch_to="green", services=True, stop="blue")
GONE_ON_WITH = Plan(switch_to="green", services=True, stop="blue")
REPLACED = Plan(start=True, switch_to="blue", stop="green")  # nothing served, green was left
LEFT_OVER = Plan(stop="green")
SERVICES = Plan(services=True)
ACCESSORIES = Plan(accessories=True)

CASES = {
    "the first release": (
        FIRST,
        Kind(bake=False),
        "disk accessories pull render start gate flip ask services prune",
    ),
    "the next one, with everything": (
        NEXT,
        Kind(migrate=True),
        "disk pull render migrate start gate flip ask drain services bake stop prune",
    ),
    "a build": (
        NEXT,
        Kind(build=True),
        "disk build render start gate flip ask drain services bake stop prune",
    ),
    "another server in front": (
        NEXT,
        Kind(ask=False, bake=False),
        "disk pull render start gate flip drain services stop prune",
    ),
    "a run that was killed after its start does not migrate again": (
        GONE_ON_WITH,
        Kind(migrate=True),
        "disk pull render gate flip ask drain services bake stop prune",
    ),
    "a rollback needs no space and no migration": (
        NEXT,
        Kind(migrate=True, rollback=True),
        "pull render start gate flip ask drain services bake stop prune",
    ),
    "a canary ends with its share": (
        NEXT,
        Kind(canary=True, migrate=True),
        "disk pull render migrate start gate canary",
    ),
    "a canary that is raised": (GONE_ON_WITH, Kind(canary=True), "disk pull render gate canary"),
    "what a killed run has switched away from": (LEFT_OVER, Kind(), "drain stop prune"),
    "services alone": (SERVICES, Kind(), "disk pull render services prune"),
    "accessories alone": (ACCESSORIES, Kind(migrate=True), "disk accessories prune"),
    "nothing": (Plan(), Kind(rollback=True), "prune"),
}


@pytest.mark.parametrize(("plan", "kind", "expected"), CASES.values(), ids=CASES.keys())
def test_the_steps_of_each_kind_of_change(plan, kind, expected):
    order = steps(plan, kind)
    assert order == expected.split()
    assert all(callable(getattr(Steps, f"do_{name}")) for name in order), "each can be taken"
    if "flip" in order:
        assert order.index("gate") < order.index("flip"), "nothing serves that was not asked"
    if plan.stop and "stop" in order:
        assert order.index("drain") < order.index("stop"), "no request is cut off"


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("disk accessories pull build render migrate", "forget"),
        ("start gate canary", "remove"),
        ("flip ask drain services bake", "return"),
        ("stop prune", "keep"),
    ],
)
def test_a_failure_of_each_step_leaves_the_old_release_serving_as_long_as_it_can(names, what):
    assert {name: undo(name, NEXT) for name in names.split()} == dict.fromkeys(names.split(), what)


@pytest.mark.parametrize("plan", [FIRST, Plan(start=True, switch_to="blue", stop="blue")])
@pytest.mark.parametrize("name", ["flip", "ask", "drain", "services", "bake", "stop", "prune"])
def test_without_another_colour_there_is_nothing_to_return_to(plan, name):
    assert undo(name, plan) == "keep"


@pytest.mark.parametrize("plan", [SERVICES, ACCESSORIES, LEFT_OVER])
@pytest.mark.parametrize(
    "name", ["disk", "accessories", "pull", "render", "services", "drain", "stop", "prune"]
)
def test_where_nothing_is_switched_nothing_is_undone(plan, name):
    assert undo(name, plan) == "keep"
    assert undo("gate", REPLACED) == "remove"
