# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A day and a week of two hosts and two applications, as Prometheus tells of them."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_facts as facts,
)
from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_page as page,
)
from report_servers import Prometheus

# Tuesday 25 November 2025, 07:00 UTC.
END = 1764054000.0
DAY, WEEK = 86400, 7 * 86400

APPS: dict[str, dict[str, str]] = {
    "requests": {"api": "12345.4", "web": "0"},
    "errors": {"api": "15"},
    "p95": {"api": "0.1834", "web": "NaN"},
    "up": {"api": "99.9971", "web": "100"},
    "certificate": {"api": "5400000", "web": "86500"},
    "availability": {"api": "71.4"},
}
HOSTS: dict[str, dict[str, str]] = {
    "up": {"web1": "100", "db1": "98.5"},
    "running": {"web1": "800000", "db1": "3000"},
    "cpu": {"web1": "12.3", "db1": "3"},
    "memory": {"web1": "45.1", "db1": "71"},
    "updates": {"web1": "3", "db1": "0"},
    "reboot": {"web1": "180000"},
    "bans": {"web1": "14.2", "db1": "0"},
    "killed": {"db1": "1"},
    "postgresql": {"db1": "99.95"},
    "redis": {"db1": "100"},
}
BACKUPS = {
    "ok": {("app", "spaces"): "1", ("cache", "spaces"): "0"},
    "age": {("app", "spaces"): "18000"},
    "size": {("app", "spaces"): "1234567890"},
    "drill_ok": {("app", "spaces"): "1"},
    "drill_age": {("app", "spaces"): "270000"},
}


def tell(server: Prometheus, seconds: int) -> None:
    """Let the server have all of it."""

    def put(question: str, series: list[tuple[dict[str, str], str]]) -> None:
        server.vectors[question.replace("WINDOW", f"{seconds}s")] = series

    for key, values in APPS.items():
        put(facts.OF_APPS[key], [({"app": name}, value) for name, value in values.items()])
    for key, values in HOSTS.items():
        put(facts.OF_HOSTS[key], [({"host": name}, value) for name, value in values.items()])
    put(
        facts.FULLEST,
        [
            ({"host": "web1", "mountpoint": "/", "device": "/dev/vda1"}, "61.2"),
            ({"host": "db1", "mountpoint": "/var", "device": "/dev/vdb"}, "88"),
        ],
    )
    for key, found in BACKUPS.items():
        labels = {"host": "db1", "instance": "127.0.0.1:9100"}
        put(
            facts.OF_BACKUPS[key],
            [({**labels, "source": s, "repository": r}, v) for (s, r), v in found.items()],
        )
    put(facts.RESTARTS, [({"host": "web1", "name": "api-blue-web-1"}, "2.1")])
    put(facts.FILED, [({"host": "web1", "name": "api"}, "5400000")])
    server.matrices[facts.RELEASES] = [
        ({"app": "api", "release": "1.0"}, _ones(END - seconds, END - 7200)),
        ({"app": "api", "release": "1.1"}, _ones(END - 7200, END)),
        ({"app": "web", "release": "7"}, _ones(END - 600, END)),
    ]
    error = {"alertname": "ErrorRate", "severity": "critical", "host": "web1", "app": "api"}
    disk = {"alertname": "DiskFull", "severity": "warning", "host": "db1"}
    server.matrices[facts.ALERTS] = [
        (error, [*_ones(END - 40000, END - 39700), *_ones(END - 20000, END - 19820)]),
        (disk, _ones(END - 10800, END)),
    ]
    for number, each in enumerate((*page.OF_APPS, *page.OF_HOSTS)):
        server.matrices[each.question] = _lines(each, number)


def _ones(start: float, end: float) -> list[tuple[float, str]]:
    """At each minute in which it is there."""
    first = math.ceil((start - END) / 60) * 60 + END
    return [(first + 60 * n, "1") for n in range(int((end - first) // 60) + 1)]


def _lines(each: Any, number: int) -> list[tuple[dict[str, str], list[tuple[float, str]]]]:
    """Waves of different heights, the second with a gap of half a day."""
    moments = [END - WEEK + page.STEP * n for n in range(WEEK // page.STEP + 1)]
    found = []
    for line in range(2):
        labels = {
            "app": ("api", "web")[line],
            "host": ("web1", "db1")[line],
            "mountpoint": ("/", "/var")[line],
        }
        gap = range(100, 124) if line else range(0)
        wave = [
            (m, str((20 + 5 * number) * (1.1 + math.sin(m / 13750 + line)) / (1 + line)))
            for place, m in enumerate(moments)
            if place not in gap
        ]
        found.append(({key: labels[key] for key in each.labels}, wave))
    return found
