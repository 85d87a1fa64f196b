# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carries out what `_digitalocean_monitoring` plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._digitalocean import (
    Api,
    DigitalOceanError,
    refers_to,
)
from ansible_collections.farol.vps.plugins.module_utils._digitalocean_monitoring import (
    CHECK_FIELDS,
    POLICY_FIELDS,
    Step,
    doubles,
    faults,
    plan_checks,
    plan_policies,
    policy_body,
)


class Watch:
    def __init__(self, api: Api, options: Mapping[str, Any], dry: bool = False) -> None:
        self.api, self.dry = api, dry
        self.purge = options["purge"]
        self.policies = _with_receivers(options["alert_policies"], options)
        self.checks = _with_receivers(options["uptime_checks"], options)
        self.check_ids: dict[str, str] = {}
        self.policy_ids: dict[str, str] = {}

    def ensure(self) -> dict[str, Any]:
        """Look at everything first, so that a fault in one entry changes nothing."""
        _refuse(faults(self.policies, self.checks))
        steps = [*self._plan_policies(), *self._plan_checks()]
        done: list[str] = []
        for step in [] if self.dry else steps:
            try:
                self._take(step)
            except DigitalOceanError as error:
                before = f"; done before: {', '.join(done)}" if done else ""
                raise DigitalOceanError(f"{error}{before}") from error
            done.append(f"{step.action} {step.what}")
        return {
            "changed": bool(steps),
            "done": [f"{step.action} {step.what}" for step in steps],
            "alert_policies": self.policy_ids,
            "uptime_checks": self.check_ids,
            "diff": {
                "before": {step.what: dict(step.before) for step in steps},
                "after": {step.what: dict(step.after) for step in steps},
            },
        }

    def _plan_policies(self) -> list[Step]:
        if self.policies is None:
            return []
        there = self.api.pages("alert policies", "monitoring.list_alert_policy", "policies")
        names = [entry["name"] for entry in self.policies]
        if not self.purge:
            _refuse(doubles("alert_policies", "description", names, there))
        droplets = self._droplet_ids()
        self.policy_ids = {
            policy["description"]: policy["uuid"]
            for policy in reversed(there)
            if policy.get("description") in names
        }
        bodies = [policy_body(entry, droplets) for entry in self.policies]
        return plan_policies(bodies, there, self.purge)

    def _droplet_ids(self) -> dict[str, str]:
        """The ID of each Droplet that is named. Digits alone are an ID already."""
        named = {each: entry["name"] for entry in self.policies or [] for each in entry["droplets"]}
        ids = {each: each for each in named if each.isdigit()}
        if len(ids) == len(named):
            return ids
        there = self.api.pages("Droplets", "droplets.list", "droplets")
        for each in sorted(set(named) - set(ids)):
            same = [str(droplet["id"]) for droplet in there if droplet["name"] == each]
            if len(same) != 1:
                raise DigitalOceanError(
                    f"alert_policies {named[each]!r}: droplets: DigitalOcean has {len(same)} Droplets named {each}; "
                    "correct the name, or use the Droplet's ID"
                )
            ids[each] = same[0]
        return ids

    def _plan_checks(self) -> list[Step]:
        if self.checks is None:
            return []
        there = self.api.pages("uptime checks", "uptime.list_checks", "checks")
        names = [entry["name"] for entry in self.checks]
        if not self.purge:
            _refuse(doubles("uptime_checks", "name", names, there))
        self.check_ids = {
            check["name"]: check["id"] for check in reversed(there) if check.get("name") in names
        }
        alerts = {
            each: self.api.pages(
                f"alerts of uptime check {name!r}", "uptime.list_alerts", "alerts", each
            )
            for name, each in self.check_ids.items()
        }
        return plan_checks(self.checks, there, alerts, self.purge)

    def _take(self, step: Step) -> None:
        ask = self.api.create if step.action == "create" else self.api.read
        want = step.operation.rpartition("_")[2]
        ids = (self.check_ids[step.check], *step.ids) if step.check else step.ids
        try:
            if step.action == "remove":
                self.api.read(step.what, step.operation, *ids)
                return
            answer = ask(step.what, step.operation, *ids, dict(step.body or {}), want=want)
        except DigitalOceanError as error:
            fields = POLICY_FIELDS if step.operation.startswith("monitoring") else CHECK_FIELDS
            said = str(error).partition(" refuses it with ")[2]
            option = refers_to(said, fields)
            raise DigitalOceanError(
                f"{error} (option {option})" if option else str(error)
            ) from error
        if step.operation == "uptime.create_check":
            self.check_ids[step.name] = answer["check"]["id"]
        elif step.operation == "monitoring.create_alert_policy":
            self.policy_ids[step.name] = answer["policy"]["uuid"]


def _with_receivers(
    entries: Sequence[Mapping[str, Any]] | None, options: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """An entry without receivers of its own has those for all."""
    if entries is None:
        return None
    common = {"email": options["email"], "slack": options["slack"]}
    return [
        {**entry, **{key: common[key] if entry[key] is None else entry[key] for key in common}}
        for entry in entries
    ]


def _refuse(lines: Sequence[str]) -> None:
    if lines:
        raise DigitalOceanError(f"{'; '.join(lines)}; nothing was changed")
