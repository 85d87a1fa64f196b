# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alert rules for Prometheus, from 2.31 on, as the data structure that its rule files hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils import _monitoring_thresholds as _thresholds

RUNBOOKS = "https://github.com/farol-vps/farol.vps/blob/main/docs/alerts.md"
KEEP_FIRING = (2, 42)
# How a value reads on a phone.
PER_CENT = '{{ printf "%.1f" $value }} %'
SECONDS = "{{ humanizeDuration $value }}"
NUMBER = "{{ humanize $value }}"
BYTES = "{{ humanize1024 $value }}B"


@dataclass(frozen=True)
class Alert:
    """One alert. C(hold): seconds that it goes on after the condition has ended, for what comes and goes."""

    name: str
    expr: str
    severity: str
    summary: str
    value: str
    wait: int = 0
    hold: int = 0


class Rules:
    """Builds rules for one version of Prometheus. C(runbooks) is the page whose anchors are the alerts' names."""

    def __init__(
        self,
        hosts: Sequence[Mapping[str, Any]],
        thresholds: Mapping[str, Any] | None = None,
        version: str = "2.31",
        runbooks: str | None = None,
    ) -> None:
        self.hosts = hosts
        self.apps = apps_of(hosts)
        self.limits = _thresholds.merged(thresholds)
        self.version = tuple(int(part) for part in re.findall(r"\d+", str(version))[:2])
        self.runbooks = runbooks or RUNBOOKS

    def group(self, name: str, alerts: Iterable[Alert]) -> dict[str, Any]:
        return {"name": f"farol-{name}", "rules": [self.rule(alert) for alert in alerts]}

    def rule(self, alert: Alert) -> dict[str, Any]:
        expr, hold = alert.expr, {}
        if alert.hold and self.version >= KEEP_FIRING:
            hold = {"keep_firing_for": duration(alert.hold)}
        elif alert.hold:
            expr = held(alert)
        return {
            "alert": alert.name,
            "expr": expr,
            **({"for": duration(alert.wait)} if alert.wait else {}),
            **hold,
            "labels": {"severity": alert.severity},
            "annotations": {
                "summary": alert.summary,
                "value": alert.value,
                "runbook_url": f"{self.runbooks}#{alert.name.lower()}",
            },
        }

    def when(self, *keys: str) -> bool:
        """Whether none of these thresholds was taken out."""
        return all(self.limits[key] is not None for key in keys)

    def over_apps(self, expr: Callable[..., str], *keys: str) -> str:
        """One expression for all applications, empty when all have taken the alert out.

        C(expr) is given a label matcher that begins with a comma, and the thresholds named by C(keys) that
        apply to what it matches. Rules that differ in their expressions alone would be duplicates to promtool.
        """
        return either(
            [expr(app, own) for app, own in _thresholds.by_app(self.apps, self.limits, *keys)]
        )


Source = Callable[[Rules], Iterable[Alert]]


def apps_of(hosts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Every application once, by its name: on several hosts it is one."""
    found: dict[str, Mapping[str, Any]] = {}
    for host in hosts:
        for app in host.get("apps") or []:
            found.setdefault(app["name"], app)
    return list(found.values())


def either(expressions: Sequence[str]) -> str:
    if len(expressions) < 2:
        return "".join(expressions)
    return " or ".join(f"({expression})" for expression in expressions)


def pattern(names: Iterable[str]) -> str:
    """A regular expression that matches these names alone, as it is written within quotes in PromQL."""
    return "|".join(re.escape(name) for name in sorted(names)).replace("\\", "\\\\")


def held(alert: Alert) -> str:
    """The same for versions without keep_firing_for: while it fires, a condition in the near past counts too."""
    firing = f'ALERTS{{alertname="{alert.name}",alertstate="firing"}}'
    past = f"last_over_time(({alert.expr})[{duration(alert.hold)}:15s])"
    return f"({alert.expr}) or ({past} and ignoring(alertname, alertstate, severity) {firing})"


def duration(seconds: float) -> str:
    seconds = int(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def number(value: float) -> str:
    """A number as PromQL and people read it."""
    return f"{value:.10g}"
