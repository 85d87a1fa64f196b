# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alerts on applications: what their visitors meet, their certificates, their containers, their queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import (
    NUMBER,
    PER_CENT,
    SECONDS,
    Alert,
    Rules,
    either,
    number,
    pattern,
)

REQUESTS = "farol_nginx_requests_total"
LATENCY = "farol_nginx_request_seconds_bucket"
APP = "{{ $labels.app }} on {{ $labels.host }}"
CONTAINER = "container {{ $labels.name }} on {{ $labels.host }}"


def visitors(rules: Rules) -> Iterator[Alert]:
    if expr := rules.over_apps(_errors, "error_rate", "error_count"):
        yield Alert(
            "ErrorRate",
            expr,
            "critical",
            f"{APP} answers with errors (5xx)",
            f"{PER_CENT} of the requests",
            wait=15,
            hold=120,
        )
    if expr := rules.over_apps(_slow, "latency", "latency_requests"):
        yield Alert(
            "Latency",
            expr,
            "warning",
            f"{APP} is slow",
            f"5 % of the requests take longer than {SECONDS}",
            wait=60,
            hold=120,
        )
    if rules.when("down_for"):
        yield Alert(
            "EndpointDown",
            'probe_success{job="blackbox"} == 0',
            "critical",
            "{{ $labels.url }}{{ if $labels.host }} on {{ $labels.host }}{{ end }} does not answer as it should",
            "{{ if $labels.app }}{{ $labels.app }}{{ else }}probe{{ end }} failed",
            wait=rules.limits["down_for"],
            hold=120,
        )


def _errors(app: str, own: Mapping[str, float]) -> str:
    errors = f'sum by (host, app) (increase({REQUESTS}{{status=~"5.."{app}}}[2m]))'
    total = f'sum by (host, app) (increase({REQUESTS}{{app!=""{app}}}[2m]))'
    share = f"100 * {errors} / {total} > {number(own['error_rate'])}"
    return f"{share} and {errors} >= {number(own['error_count'])}"


def _slow(app: str, own: Mapping[str, float]) -> str:
    buckets = f'sum by (host, app, le) (rate({LATENCY}{{app!=""{app}}}[5m]))'
    total = f'sum by (host, app) (increase({REQUESTS}{{app!=""{app}}}[5m]))'
    slow = f"histogram_quantile(0.95, {buckets}) > {number(own['latency'])}"
    return f"{slow} and {total} >= {number(own['latency_requests'])}"


def certificates(rules: Rules) -> Iterator[Alert]:
    # A probe that fails knows no end of a certificate.
    served = "last_over_time(probe_ssl_earliest_cert_expiry[1h]) - time()"
    filed = "farol_certificate_not_after_seconds - time()"
    value = "{{ if lt $value 0.0 }}it has ended, or there is none{{ else }}ends in {{ humanizeDuration $value }}{{ end }}"
    for key, severity in (
        ("certificate_days", "warning"),
        ("certificate_days_critical", "critical"),
    ):
        if not rules.when(key):
            continue
        limit = f"{number(rules.limits[key])} * 86400"
        yield Alert(
            "CertificateExpiring",
            f"{served} < {limit}",
            severity,
            "Certificate that {{ $labels.url }} serves ends soon",
            value,
            wait=60,
        )
        yield Alert(
            "CertificateFileExpiring",
            f"{filed} < {limit}",
            severity,
            "Certificate {{ $labels.name }} on {{ $labels.host }} ends soon",
            value,
            wait=60,
        )
    yield Alert(
        "CertificatePlaceholder",
        "farol_certificate_placeholder == 1",
        "warning",
        "{{ $labels.name }} on {{ $labels.host }} serves a placeholder, not its certificate",
        "since an hour or longer",
        wait=3600,
    )


def containers(rules: Rules) -> Iterator[Alert]:
    yield Alert(
        "DockerDown",
        "farol_docker_up == 0",
        "critical",
        "Docker on {{ $labels.host }} does not answer",
        "its containers are unknown",
        wait=30,
        hold=60,
    )
    if expr := rules.over_apps(_restarts, "container_restarts"):
        yield Alert(
            "ContainerRestarting",
            expr,
            "warning",
            f"{CONTAINER} is restarted again and again",
            '{{ printf "%.0f" $value }} restarts in 15 minutes',
        )
    yield Alert(
        "ContainerUnhealthy",
        'farol_container_health{health="unhealthy"} == 1',
        "warning",
        f"{CONTAINER} is unhealthy",
        "its health check fails",
        wait=60,
        hold=120,
    )
    yield Alert(
        "ContainerDown",
        "farol_container_running == 0 and farol_container_wanted == 1",
        "critical",
        f"{CONTAINER} should run and does not",
        "not running",
        wait=30,
        hold=300,
    )
    yield Alert(
        "ServiceMissing",
        "farol_service_wanted - farol_service_running > 0",
        "critical",
        "Service {{ $labels.service }} of {{ $labels.app }} on {{ $labels.host }} is missing",
        '{{ printf "%.0f" $value }} container missing',
        wait=60,
        hold=120,
    )
    if expr := rules.over_apps(_memory, "container_memory"):
        yield Alert(
            "ContainerMemory",
            expr,
            "warning",
            f"{CONTAINER} is near its limit of memory",
            f"{PER_CENT} of its limit",
            wait=300,
        )


def _restarts(app: str, own: Mapping[str, float]) -> str:
    restarts = f'increase(farol_container_restarts_total{{name!=""{app}}}[15m])'
    return f"{restarts} > {number(own['container_restarts'])}"


def _memory(app: str, own: Mapping[str, float]) -> str:
    used, limit = (
        f'farol_container_memory_{name}bytes{{name!=""{app}}}' for name in ("", "limit_")
    )
    return f"100 * {used} / ({limit} > 0) > {number(own['container_memory'])}"


def queues(rules: Rules) -> Iterator[Alert]:
    """Each key of a queue has a limit: its own, or the one of all."""
    by_limit: dict[float, set[str]] = {}
    for host in rules.hosts:
        for instance in host.get("redis") or []:
            for queue in instance.get("queues") or []:
                if queue.get("length") is not None:
                    by_limit.setdefault(queue["length"], set()).add(queue["key"])
    special = sorted(key for keys in by_limit.values() for key in keys)
    limits = [(limit, f'key=~"{pattern(keys)}"') for limit, keys in by_limit.items()]
    if rules.when("queue_length"):
        others = f'key!~"{pattern(special)}"' if special else 'key!=""'
        limits.insert(0, (rules.limits["queue_length"], others))
    if limits:
        yield Alert(
            "QueueBacklog",
            either([_backlog(limit, keys) for limit, keys in limits]),
            "warning",
            "Queue {{ $labels.key }} on {{ $labels.host }} grows faster than it is worked off",
            f"{NUMBER} entries",
            wait=300,
        )


def _backlog(limit: float, keys: str) -> str:
    """While Redis itself is down its queues have not become short."""
    length = f"redis_key_size{{{keys}}}"
    before = f"last_over_time({length}[15m]) > {number(limit)}"
    return f"{length} > {number(limit)} or ({before} and on (host, instance_name) redis_up == 0)"
