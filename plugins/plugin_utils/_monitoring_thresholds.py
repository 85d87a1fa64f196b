# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The thresholds of the alerts: their names, units and defaults, and what an application may have of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

# What an application's key "alerts" may change for it alone.
OF_APPS: dict[str, float] = {
    "error_rate": 5,  # per cent of the requests, over two minutes
    "error_count": 5,  # errors within these two minutes, below which nobody is told
    "latency": 1,  # seconds that 95 % of the requests have to stay under
    "latency_requests": 20,  # requests within five minutes, below which no percentile is believed
    "container_restarts": 3,  # within 15 minutes
    "container_memory": 90,  # per cent of the container's limit
    "slo_errors": 10,  # bad requests within the longer window, below which no budget is said to burn
}
DEFAULTS: dict[str, float] = {
    **OF_APPS,
    "down_for": 15,  # seconds
    "certificate_days": 14,
    "certificate_days_critical": 5,
    "postgresql_connections": 80,  # per cent
    "pgbouncer_waiting": 0,  # clients that may wait
    "replication_lag": 60,  # seconds
    "replication_lag_mb": 256,
    "redis_clients": 90,  # per cent
    "redis_memory": 90,  # per cent
    "redis_evictions": 1000,  # keys within 10 minutes
    "queue_length": 1000,
    "disk": 85,  # per cent
    "disk_critical": 95,
    "disk_hours": 24,  # until it is full at the present pace
    "inodes": 90,  # per cent
    "memory": 92,  # per cent
    "oom_kills": 0,  # within 10 minutes
    "cpu": 90,  # per cent
    "load": 2,  # for each processor
    "swap": 60,  # per cent
    "clock_skew": 2,  # seconds
    "backup_hours": 26,
    "drill_days": 15,
    "archive_minutes": 15,
    "fail2ban_bans": 50,  # within 10 minutes
    "reboot_days": 7,
    "updates_days": 3,
}
# Shares above this are never reached.
PER_CENT = {
    "error_rate",
    "container_memory",
    "postgresql_connections",
    "redis_clients",
    "redis_memory",
    "disk",
    "disk_critical",
    "inodes",
    "memory",
    "cpu",
    "swap",
}
# A histogram answers exactly at these only. mtail's program has them too.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def merged(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """All thresholds. One that is None takes its alert out."""
    return {**DEFAULTS, **(given or {})}


def by_app(
    apps: Iterable[Mapping[str, Any]], thresholds: Mapping[str, Any], *keys: str
) -> list[tuple[str, dict[str, Any]]]:
    """Label matchers and the thresholds that apply to what they match, first those of all that have none of their own.

    The matchers begin with a comma, so that they can follow others. One of C(keys) that is None leaves these
    applications out.
    """
    common = {key: thresholds[key] for key in keys}
    special: dict[tuple[Any, ...], list[str]] = {}
    for app in apps:
        own = {**common, **{k: v for k, v in (app.get("alerts") or {}).items() if k in keys}}
        if own != common:
            special.setdefault(tuple(own.values()), []).append(app["name"])
    names = sorted(name for group in special.values() for name in group)
    found = [(f',app!~"{"|".join(names)}"' if names else "", common)]
    found += [
        (f',app=~"{"|".join(sorted(group))}"', dict(zip(keys, values, strict=True)))
        for values, group in special.items()
    ]
    return [(matcher, own) for matcher, own in found if None not in own.values()]


def threshold_faults(values: Mapping[str, Any], known: Mapping[str, float], path: str) -> list[str]:
    faults = []
    for key, value in values.items():
        if key not in known:
            faults.append(f"{path}.{key}: unknown{did_you_mean(str(key), known)}")
        elif value is None:
            continue
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            faults.append(f"{path}.{key}: needs a number, or null for no alert")
        elif value < 0:
            faults.append(
                f"{path}.{key}: {value:g} is below 0 and would always alert; use a number above"
            )
        elif key in PER_CENT and value >= 100:
            faults.append(
                f"{path}.{key}: {value:g} is never exceeded by a share in per cent; use less than 100"
            )
    return faults


def app_faults(apps: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the keys alerts and slo of applications."""
    faults = []
    for app in apps:
        faults += threshold_faults(app.get("alerts") or {}, OF_APPS, f"apps: {app['name']}: alerts")
        faults += [
            f"apps: {app['name']}: slo{fault}" for fault in _slo_faults(app.get("slo") or {})
        ]
    return faults


def _slo_faults(slo: Mapping[str, Any]) -> list[str]:
    faults = [
        f".{key}: unknown{did_you_mean(str(key), ('availability', 'latency'))}"
        for key in slo
        if key not in ("availability", "latency")
    ]
    if slo.get("availability") is not None:
        faults += _share_faults(".availability", slo["availability"])
    latency = slo.get("latency")
    if latency is not None:
        if not isinstance(latency, Mapping) or set(latency) != {"seconds", "share"}:
            return [*faults, ".latency: needs seconds and share, such as {seconds: 1, share: 95}"]
        if latency["seconds"] not in BUCKETS:
            faults.append(
                f".latency.seconds: {latency['seconds']} is not measured; use one of {', '.join(f'{b:g}' for b in BUCKETS)}"
            )
        faults += _share_faults(".latency.share", latency["share"])
    return faults


def _share_faults(path: str, value: Any) -> list[str]:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 100:
        return []
    return [
        f"{path}: {value} is no share to hold to; use per cent above 0 and below 100, such as 99.9"
    ]
