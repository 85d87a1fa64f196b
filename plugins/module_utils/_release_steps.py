# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a release in their order, and what a failure of each leads to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ansible_collections.farol.vps.plugins.module_utils._release import Plan

Undo = Literal["forget", "remove", "return", "keep"]

BEFORE_START = ("disk", "accessories", "pull", "build", "render", "migrate")
BEFORE_SWITCH = ("start", "gate", "canary")
# A flip that fails may have been done already.
AFTER_SWITCH = ("flip", "ask", "drain", "services", "bake")


@dataclass(frozen=True)
class Kind:
    """What kind of change it is: with a build, a migration, as a canary, back to a kept release."""

    build: bool = False
    migrate: bool = False
    canary: bool = False
    rollback: bool = False
    ask: bool = True
    bake: bool = True


def steps(plan: Plan, kind: Kind) -> list[str]:
    """The names of the steps to take, in their order."""
    order = []
    if not kind.rollback and (plan.switch_to or plan.services or plan.accessories):
        order.append("disk")
    if plan.accessories:
        order.append("accessories")
    if plan.switch_to or plan.services:
        order.append("build" if kind.build else "pull")
        order.append("render")
    if plan.switch_to:
        order += ["migrate"] if kind.migrate and plan.start and not kind.rollback else []
        order += ["start"] if plan.start else []
        order.append("gate")
        if kind.canary:
            return [*order, "canary"]
        order += ["flip"] + (["ask"] if kind.ask else [])
        order += ["drain"] if plan.stop else []
    order += ["services"] if plan.services else []
    order += ["bake"] if plan.switch_to and kind.bake else []
    if plan.stop:
        # What a killed run has switched away from may still have requests to answer.
        order += ["stop"] if plan.switch_to else ["drain", "stop"]
    return [*order, "prune"]


def undo(step: str, plan: Plan) -> Undo:
    """What to do when a step fails, so that a release serves that did so before.

    C(forget) what was written of the new release, C(remove) its colour as well, C(return) to the
    old colour first, or C(keep) what serves now.
    """
    if not plan.switch_to:
        return "keep"
    if step in BEFORE_START:
        return "forget"
    if step in BEFORE_SWITCH:
        return "remove"
    if step in AFTER_SWITCH and plan.stop and plan.stop != plan.switch_to:
        return "return"
    return "keep"
