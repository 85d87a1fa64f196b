# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objectives of applications: how much of their error budget is left, and alerts when it burns too fast.

A burn of 1 uses the whole budget in exactly 30 days. An alert wants a long window, so that it matters, and a short
one, so that it ends soon after the trouble does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import (
    Alert,
    Rules,
    either,
    number,
)

# Windows of a day and more read many samples and move slowly.
FAST, SLOW = ("5m", "30m", "1h", "6h"), ("2h", "1d", "3d")
# Alert, severity, and the pairs of windows with the burn that is too much in both.
BURN_FAST = ("SloBurnFast", "critical", (("1h", "5m", 14.4), ("6h", "30m", 6)))
BURN_SLOW = ("SloBurnSlow", "warning", (("1d", "2h", 3), ("3d", "6h", 1)))
PERIOD = "30d"
REQUESTS = "farol_nginx_requests_total"
COUNT, BUCKET = "farol_nginx_request_seconds_count", "farol_nginx_request_seconds_bucket"
Record = dict[str, Any]


def slo_groups(rules: Rules) -> list[dict[str, Any]]:
    """Groups of recording rules and alerts; none without an objective."""
    objectives = [o for app in rules.apps for o in _objectives(app)]
    if not objectives:
        return []
    fast, slow = (
        [record for objective in objectives for record in _records(windows, *objective)]
        for windows in (FAST, SLOW)
    )
    budget = [record for objective in objectives for record in _budget(*objective)]
    return [
        # Rules of a group are evaluated in this order, an alert after what it looks at.
        {"name": "farol-slo", "interval": "30s", "rules": fast + _alert(rules, *BURN_FAST)},
        {"name": "farol-slo-slow", "interval": "1m", "rules": slow + _alert(rules, *BURN_SLOW)},
        {"name": "farol-slo-budget", "interval": "5m", "rules": budget},
    ]


def _objectives(app: Mapping[str, Any]) -> Iterator[tuple[str, str, float, str, str]]:
    """Application, kind, share of requests that may be bad, and what counts the bad ones and all."""
    slo, own = app.get("slo") or {}, f'app="{app["name"]}"'
    if slo.get("availability") is not None:
        yield (
            app["name"],
            "availability",
            _spare(slo["availability"]),
            f'sum(increase({REQUESTS}{{{own},status=~"5.."}}[WINDOW])) or vector(0)',
            f"sum(increase({REQUESTS}{{{own}}}[WINDOW]))",
        )
    if slo.get("latency"):
        bound = number(slo["latency"]["seconds"])
        bounds = f"{bound}|{bound}.0" if "." not in bound else bound
        total = f"sum(increase({COUNT}{{{own}}}[WINDOW]))"
        yield (
            app["name"],
            "latency",
            _spare(slo["latency"]["share"]),
            f'{total} - (sum(increase({BUCKET}{{{own},le=~"{bounds}"}}[WINDOW])) or vector(0))',
            total,
        )


def _spare(share: float) -> float:
    return round((100 - share) / 100, 10)


def _records(
    windows: Sequence[str], app: str, kind: str, spare: float, bad: str, total: str
) -> Iterator[Record]:
    labels = {"app": app, "slo": kind}
    for window in windows:
        count = f"({bad})".replace("WINDOW", window)
        every = total.replace("WINDOW", window)
        yield {"record": f"farol:slo_bad:increase{window}", "expr": count, "labels": dict(labels)}
        yield {
            "record": f"farol:slo_burn:{window}",
            "expr": f"({count} / ({every} > 0)) / {number(spare)}",
            "labels": dict(labels),
        }


def _budget(app: str, kind: str, spare: float, bad: str, total: str) -> Iterator[Record]:
    count, every = (f"({each})".replace("WINDOW", PERIOD) for each in (bad, total))
    yield {
        "record": f"farol:slo_budget_left:{PERIOD}",
        "expr": f"1 - ({count} / ({every} > 0)) / {number(spare)}",
        "labels": {"app": app, "slo": kind},
    }


def _alert(
    rules: Rules, name: str, severity: str, pairs: Sequence[tuple[str, str, float]]
) -> list[Record]:
    expr = rules.over_apps(lambda app, own: _burning(pairs, app, own), "slo_errors")
    if not expr:
        return []
    alert = Alert(
        name,
        expr,
        severity,
        "{{ $labels.app }} uses up its error budget ({{ $labels.slo }}) too fast",
        '{{ printf "%.1f" $value }} times as fast as it may',
        wait=60,
    )
    return [rules.rule(alert)]


def _burning(pairs: Sequence[tuple[str, str, float]], app: str, own: Mapping[str, float]) -> str:
    least, these = number(own["slo_errors"]), f'{{slo!=""{app}}}'
    return either(
        [
            f"farol:slo_burn:{long}{these} > {number(burn)} and farol:slo_burn:{short}{these} > {number(burn)}"
            f" and farol:slo_bad:increase{long}{these} >= {least}"
            for long, short, burn in pairs
        ]
    )
