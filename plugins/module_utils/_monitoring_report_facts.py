# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report tells: figures of applications, hosts, databases, backups and alerts within a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_prometheus import (
    Labels,
    Points,
    Prometheus,
)

# How exactly deploys and alerts are known, in seconds. A week has 10080 of them.
STEP = 60
DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*|autofs"'
BUCKETS = 'farol_nginx_request_seconds_bucket{app!=""}'
IDLE = 'sum by (host, cpu) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[WINDOW]))'
DISK = f"100 - 100 * node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes"

# Key and question; WINDOW is the time of the report. Shares are per cent, times seconds.
OF_APPS = {
    "requests": 'sum by (app) (increase(farol_nginx_requests_total{app!=""}[WINDOW]))',
    "errors": 'sum by (app) (increase(farol_nginx_requests_total{app!="",status=~"5.."}[WINDOW]))',
    "p95": f"histogram_quantile(0.95, sum by (app, le) (increase({BUCKETS}[WINDOW])))",
    "up": '100 * avg by (app) (avg_over_time(probe_success{app!=""}[WINDOW]))',
    "certificate": 'min by (app) (last_over_time(probe_ssl_earliest_cert_expiry{app!=""}[1h])) - time()',
    "availability": '100 * max by (app) (farol:slo_budget_left:30d{slo="availability"})',
    "latency": '100 * max by (app) (farol:slo_budget_left:30d{slo="latency"})',
}
OF_HOSTS = {
    "up": '100 * avg by (host) (avg_over_time(up{job="node"}[WINDOW]))',
    "running": "time() - max by (host) (node_boot_time_seconds)",
    "cpu": f"100 - 100 * avg by (host) ({IDLE})",
    "memory": "100 - 100 * min by (host) (min_over_time(node_memory_MemAvailable_bytes[WINDOW]))"
    " / max by (host) (node_memory_MemTotal_bytes)",
    "updates": "max by (host) (farol_security_updates)",
    "reboot": "time() - max by (host) (farol_reboot_required_since_seconds > 0)",
    "bans": "sum by (host) (increase(farol_fail2ban_bans_total[WINDOW]))",
    "killed": "sum by (host) (increase(node_vmstat_oom_kill[WINDOW]))",
    "postgresql": "100 * min by (host) (avg_over_time(pg_up[WINDOW]))",
    "redis": "100 * min by (host) (avg_over_time(redis_up[WINDOW]))",
}
OF_BACKUPS = {
    "ok": "farol_backup_success",
    "age": "time() - farol_backup_last_success_timestamp_seconds",
    "size": "farol_backup_size_bytes",
    "drill_ok": "farol_drill_success",
    "drill_age": "time() - farol_drill_last_success_timestamp_seconds",
}
FULLEST = f"topk by (host) (1, {DISK})"
RESTARTS = "sum by (host, name) (increase(farol_container_restarts_total[WINDOW])) >= 0.5"
FILED = "min by (host, name) (farol_certificate_not_after_seconds - time())"
RELEASES = "max by (app, release) (farol_app_release)"
ALERTS = (
    'max by (alertname, severity, host, app) (ALERTS{alertstate="firing",alertname!="Watchdog"})'
)

Facts = dict[str, Any]


def gather(prometheus: Prometheus, seconds: int) -> Facts:
    """Everything of the last C(seconds).

    apps, hosts   figures by name; one that is not known is not there
    backups       host, source, repository and their figures
    restarts      host, name (of the container) and count
    certificates  host, name and seconds that are left, of files on the hosts
    deploys       moment, app and release, the earliest first
    alerts        name, severity, host, app, count, seconds, on (whether it still is)
    """

    def asked(question: str) -> list[tuple[Labels, float]]:
        return prometheus.now(question.replace("WINDOW", f"{seconds}s"))

    hosts = _by("host", OF_HOSTS, asked)
    for labels, value in asked(FULLEST):
        own = hosts.setdefault(labels.get("host", ""), {})
        own.update(disk=value, mountpoint=labels.get("mountpoint", ""))
    return {
        "start": prometheus.end - seconds,
        "end": prometheus.end,
        "apps": _by("app", OF_APPS, asked),
        "hosts": hosts,
        "backups": _backups(asked),
        "restarts": [
            {"host": labels.get("host", ""), "name": labels.get("name", ""), "count": round(value)}
            for labels, value in asked(RESTARTS)
        ],
        "certificates": [
            {"host": labels.get("host", ""), "name": labels.get("name", ""), "left": value}
            for labels, value in asked(FILED)
        ],
        "deploys": deploys(prometheus.over(RELEASES, seconds, STEP)),
        "alerts": alerts(prometheus.over(ALERTS, seconds, STEP), prometheus.end),
    }


Asked = Callable[[str], list[tuple[Labels, float]]]


def _by(label: str, questions: Mapping[str, str], asked: Asked) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, question in questions.items():
        for labels, value in asked(question):
            if labels.get(label):
                found.setdefault(labels[label], {})[key] = value
    return dict(sorted(found.items()))


def _backups(asked: Asked) -> list[dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for key, question in OF_BACKUPS.items():
        for labels, value in asked(question):
            name = tuple(labels.get(each, "") for each in ("host", "source", "repository"))
            found.setdefault(name, {})[key] = value
    return [
        {"host": host, "source": source, "repository": repository, **own}
        for (host, source, repository), own in sorted(found.items())
    ]


def deploys(series: list[tuple[Labels, Points]]) -> list[dict[str, Any]]:
    """When a release of an application became live that was not, a moment before, while another was."""
    there: dict[str, set[float]] = {}
    for labels, points in series:
        there.setdefault(labels["app"], set()).update(moment for moment, _value in points)
    found = []
    for labels, points in series:
        own = {moment for moment, _value in points}
        for moment in sorted(own):
            before = moment - STEP
            if before in there[labels["app"]] and before not in own:
                found.append({"moment": moment, "app": labels["app"], "release": labels["release"]})
    return sorted(found, key=lambda deploy: (deploy["moment"], deploy["app"]))


def alerts(series: list[tuple[Labels, Points]], end: float) -> list[dict[str, Any]]:
    """How often and how long each alert was on, those that still are first, then the longest."""
    found = []
    for labels, points in series:
        moments = [moment for moment, value in points if value]
        if not moments:
            continue
        # Longer than a step apart: it was over in between.
        gaps = sum(b - a > STEP * 1.5 for a, b in zip(moments, moments[1:], strict=False))
        found.append(
            {
                "name": labels.get("alertname", ""),
                **{key: labels.get(key, "") for key in ("severity", "host", "app")},
                "count": gaps + 1,
                "seconds": len(moments) * STEP,
                "on": end - moments[-1] < STEP,
            }
        )
    return sorted(found, key=lambda alert: (not alert["on"], -alert["seconds"], alert["name"]))
