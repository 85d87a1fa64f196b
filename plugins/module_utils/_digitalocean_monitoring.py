# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alert policies and uptime checks: what is wanted, compared with what there is, into steps. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Options = Mapping[str, Any]

METRICS = {
    "cpu": "v1/insights/droplet/cpu",
    "memory": "v1/insights/droplet/memory_utilization_percent",
    "disk": "v1/insights/droplet/disk_utilization_percent",
    "load_1": "v1/insights/droplet/load_1",
    "load_5": "v1/insights/droplet/load_5",
    "load_15": "v1/insights/droplet/load_15",
}
PERCENT = ("cpu", "memory", "disk")
WINDOWS = ("5m", "10m", "30m", "1h")
PERIODS = ("2m", "3m", "5m", "10m", "15m", "30m", "1h")
REGIONS = ("us_east", "us_west", "eu_west", "se_asia")
TYPES = ("ping", "http", "https")
# DigitalOcean's fields, as the options that fill them.
POLICY_FIELDS = {
    "slack": "slack",
    "email": "email",
    "entities": "droplets",
    "droplet": "droplets",
    "tags": "tags",
    "window": "window",
    "value": "threshold",
    "compare": "compare",
    "type": "metric",
    "description": "name",
}
CHECK_FIELDS = {
    "slack": "slack",
    "email": "email",
    "regions": "regions",
    "target": "target",
    "threshold": "latency.threshold and certificate.days",
    "period": "down.period and latency.period",
    "type": "type",
    "name": "name",
}


@dataclass(frozen=True)
class Step:
    """One request. `check` is the name of the uptime check that an alert belongs to; its ID may not be known before."""

    what: str
    action: str
    operation: str
    name: str = ""
    ids: tuple[str, ...] = ()
    check: str = ""
    body: Mapping[str, Any] | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def faults(policies: Sequence[Options] | None, checks: Sequence[Options] | None) -> list[str]:
    """One line for each value that types let through and DigitalOcean, or an operator at night, would not."""
    found: list[str] = []
    for key, entries, look in (
        ("alert_policies", policies or [], _policy_faults),
        ("uptime_checks", checks or [], _check_faults),
    ):
        for name, count in Counter(entry["name"] for entry in entries).items():
            if count > 1:
                found.append(f"{key}: {count} are named {name!r}; rename all but one")
        for entry in entries:
            found += [f"{key} {entry['name']!r}: {fault}" for fault in look(entry)]
    return found


def _policy_faults(entry: Options) -> Iterator[str]:
    if not entry["name"].strip():
        yield "name: is empty"
    if entry["threshold"] < 0 or (entry["metric"] in PERCENT and entry["threshold"] > 100):
        unit = "a percentage of 0 to 100" if entry["metric"] in PERCENT else "a load of 0 or more"
        yield f"threshold: {entry['threshold']:g} is out of range; use {unit}"
    yield from _receiver_faults(entry)


def _check_faults(entry: Options) -> Iterator[str]:
    if not entry["name"].strip():
        yield "name: is empty"
    scheme = urlsplit(entry["target"]).scheme
    kind = check_type(entry)
    if kind == "ping" and scheme:
        yield f"target: {entry['target']} is an address for a browser; a ping needs a host name or an IP address"
    if kind != "ping" and scheme != kind:
        yield f"target: {entry['target']} does not begin with {kind}://; correct it, or set type"
    if not entry["regions"]:
        yield f"regions: is empty; name at least one of {', '.join(REGIONS)}"
    if entry.get("latency") and entry["latency"]["threshold"] < 1:
        yield f"latency.threshold: {entry['latency']['threshold']} is no time; use 1 or more milliseconds"
    if entry.get("certificate"):
        if kind != "https":
            yield f"certificate: a check of type {kind} sees none; take it out, or begin target with https://"
        if entry["certificate"]["days"] < 1:
            yield f"certificate.days: {entry['certificate']['days']} warns too late; use 1 or more days"
    if any(entry.get(kind) for kind in ALERTS):
        yield from _receiver_faults(entry)


def _receiver_faults(entry: Options) -> Iterator[str]:
    if not entry["email"] and not entry["slack"]:
        yield "email: nobody would be told; set email or slack, here or for all"


def check_type(entry: Options) -> str:
    scheme = urlsplit(entry["target"]).scheme
    return entry.get("type") or (scheme if scheme in TYPES else "ping")


def policy_body(entry: Options, droplets: Mapping[str, str]) -> dict[str, Any]:
    """`droplets` gives the ID of each name in the entry. Every field is required, even an empty one."""
    return {
        "type": METRICS[entry["metric"]],
        "description": entry["name"],
        "compare": {"above": "GreaterThan", "below": "LessThan"}[entry["compare"]],
        "value": entry["threshold"],
        "window": entry["window"],
        "entities": [droplets[each] for each in entry["droplets"]],
        "tags": list(entry["tags"]),
        "alerts": _receivers(entry),
        "enabled": entry["enabled"],
    }


def check_body(entry: Options) -> dict[str, Any]:
    return {
        "name": entry["name"],
        "type": check_type(entry),
        "target": entry["target"],
        "regions": list(entry["regions"]),
        "enabled": entry["enabled"],
    }


def _receivers(entry: Options) -> dict[str, Any]:
    slack = [{"channel": each["channel"], "url": each["url"]} for each in entry["slack"]]
    return {"email": list(entry["email"]), "slack": slack}


def _down(wish: Options) -> dict[str, Any]:
    return {"type": "down_global" if wish["everywhere"] else "down", "period": wish["period"]}


def _latency(wish: Options) -> dict[str, Any]:
    limit = {"threshold": wish["threshold"], "comparison": "greater_than"}
    return {"type": "latency", "period": wish["period"], **limit}


def _certificate(wish: Options) -> dict[str, Any]:
    return {"type": "ssl_expiry", "threshold": wish["days"], "comparison": "less_than"}


ALERTS = {"down": _down, "latency": _latency, "certificate": _certificate}


def alert_name(check: str, kind: str) -> str:
    return f"{check}: {kind}"


def alert_bodies(entry: Options) -> list[dict[str, Any]]:
    return [
        {
            "name": alert_name(entry["name"], kind),
            **build(entry[kind]),
            "notifications": _receivers(entry),
        }
        for kind, build in ALERTS.items()
        if entry.get(kind)
    ]


def plan_policies(
    wanted: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]], purge: bool
) -> list[Step]:
    """`wanted` as bodies; `there` as DigitalOcean lists them. One that is listed twice is only mended with `purge`."""
    steps: list[Step] = []
    names = [body["description"] for body in wanted]
    for body in wanted:
        name = body["description"]
        same = [policy for policy in there if policy.get("description") == name]
        steps += _have(f"alert policy {name!r}", "monitoring", "alert_policy", name, body, same)
    kept: set[str] = set()
    for policy in there if purge else []:
        name = str(policy.get("description"))
        if policy.get("type") not in METRICS.values() or (name in names and name not in kept):
            kept.add(name)
            continue
        steps.append(_removal(f"alert policy {name!r}", "monitoring.delete_alert_policy", policy))
    return steps


def plan_checks(
    wishes: Sequence[Options],
    there: Sequence[Mapping[str, Any]],
    alerts: Mapping[str, Sequence[Mapping[str, Any]]],
    purge: bool,
) -> list[Step]:
    """`alerts` holds what each check has, by the check's ID."""
    steps: list[Step] = []
    for entry in wishes:
        name = entry["name"]
        what = f"uptime check {name!r}"
        same = [check for check in there if check.get("name") == name]
        steps += _have(what, "uptime", "check", name, check_body(entry), same)
        steps += _plan_alerts(entry, alerts.get(same[0]["id"], []) if same else [], purge)
    names = {entry["name"] for entry in wishes}
    kept: set[str] = set()
    for check in there if purge else []:
        name = str(check.get("name"))
        if name in names and name not in kept:
            kept.add(name)
            continue
        steps.append(_removal(f"uptime check {name!r}", "uptime.delete_check", check))
    return steps


def _plan_alerts(entry: Options, there: Sequence[Mapping[str, Any]], purge: bool) -> Iterator[Step]:
    check = entry["name"]
    what = f"uptime check {check!r}: alert "
    bodies = alert_bodies(entry)
    for body in bodies:
        same = [alert for alert in there if alert.get("name") == body["name"]]
        yield from _have(f"{what}{body['name']!r}", "uptime", "alert", "", body, same, check)
    wanted = {body["name"] for body in bodies}
    own = {alert_name(check, kind) for kind in ALERTS}
    kept: set[str] = set()
    for alert in there:
        name = str(alert.get("name"))
        if name in wanted and name not in kept:
            kept.add(name)
        elif name in own or purge:
            yield _removal(f"{what}{name!r}", "uptime.delete_alert", alert, check)


def doubles(
    key: str, field_name: str, names: Sequence[str], there: Sequence[Mapping[str, Any]]
) -> list[str]:
    """DigitalOcean lets two have one name, and then nobody can say which is meant."""
    counts = Counter(str(each.get(field_name)) for each in there)
    return [
        f"{key} {name!r}: DigitalOcean has {counts[name]} of that name; remove all but one, or set purge to keep the first"
        for name in names
        if counts[name] > 1
    ]


def _have(
    what: str,
    group: str,
    kind: str,
    name: str,
    body: Mapping[str, Any],
    same: Sequence[Mapping[str, Any]],
    check: str = "",
) -> Iterator[Step]:
    if not same:
        yield Step(what, "create", f"{group}.create_{kind}", name, (), check, body, {}, shown(body))
        return
    there = same[0]
    before, after = shown({key: there.get(key) for key in body}), shown(body)
    changed = [key for key in body if not _equal(before[key], after[key])]
    if changed:
        yield Step(
            what,
            "update",
            f"{group}.update_{kind}",
            name,
            (_id(there),),
            check,
            body,
            {key: before[key] for key in changed},
            {key: after[key] for key in changed},
        )


def _removal(what: str, operation: str, there: Mapping[str, Any], check: str = "") -> Step:
    before = shown({key: value for key, value in there.items() if key not in ("id", "uuid")})
    return Step(what, "remove", operation, "", (_id(there),), check, None, before, {})


def _id(there: Mapping[str, Any]) -> str:
    return str(there.get("uuid") or there["id"])


def _equal(one: Any, other: Any) -> bool:
    """A list that is missing is empty, and a number is the same with and without a fraction of zero."""
    return (one or None) == (other or None) if not isinstance(other, bool) else one is other


def shown(body: Mapping[str, Any]) -> dict[str, Any]:
    """To compare and to show: lists in one order, receivers without their webhooks, which are secrets."""
    return {key: _shown(value) for key, value in body.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            "email": sorted(value.get("email") or []),
            "slack": sorted(_webhook(each) for each in value.get("slack") or []),
        }
    if isinstance(value, (list, tuple)):
        return sorted(str(each) for each in value)
    return value


def _webhook(slack: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(str(slack.get("url")).encode()).hexdigest()[:8]
    return f"{slack.get('channel')} (webhook {digest})"
