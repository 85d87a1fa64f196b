# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alerts on hosts, and on the monitoring itself."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import (
    NUMBER,
    PER_CENT,
    SECONDS,
    Alert,
    Rules,
    number,
)

ON = "on {{ $labels.host }}"
# What is no disk, or can't be written to.
DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*|autofs"'
MOUNT = f"{{{{ $labels.mountpoint }}}} {ON}"


def disks(rules: Rules) -> Iterator[Alert]:
    limits = rules.limits
    writable = f"node_filesystem_readonly{{{DISKS}}} == 0"
    available, size = (f"node_filesystem_{name}_bytes{{{DISKS}}}" for name in ("avail", "size"))
    used = f"100 - 100 * {available} / {size}"
    for key, severity in (("disk", "warning"), ("disk_critical", "critical")):
        if rules.when(key):
            yield Alert(
                "DiskFull",
                f"{used} > {number(limits[key])} and {writable}",
                severity,
                f"Disk {MOUNT} is filling up",
                f"{PER_CENT} used",
                wait=60,
            )
    if rules.when("disk_hours"):
        ahead = number(limits["disk_hours"] * 3600)
        # A disk that is half empty may take a large file without anybody being told.
        yield Alert(
            "DiskFilling",
            f"{available} / deriv({available}[3h]) * -1 > 0"
            f" and predict_linear({available}[3h], {ahead}) < 0 and {used} > 50 and {writable}",
            "warning",
            f"Disk {MOUNT} will be full soon",
            f"full in {SECONDS} at this pace",
            wait=1800,
        )
    if rules.when("inodes"):
        free, files = (f"node_filesystem_files{end}{{{DISKS}}}" for end in ("_free", ""))
        yield Alert(
            "InodesFull",
            f"100 - 100 * {free} / ({files} > 0) > {number(limits['inodes'])} and {writable}",
            "warning",
            f"Disk {MOUNT} runs out of inodes",
            f"{PER_CENT} used",
            wait=60,
        )
    yield Alert(
        "DiskReadOnly",
        f"node_filesystem_readonly{{{DISKS}}} == 1"
        f" and on (host, mountpoint, device) node_filesystem_readonly{{{DISKS}}} offset 1h == 0",
        "critical",
        f"Disk {MOUNT} can't be written to any more",
        "read-only",
    )


def load(rules: Rules) -> Iterator[Alert]:
    limits = rules.limits
    if rules.when("memory"):
        yield Alert(
            "MemoryFull",
            "100 - 100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
            f" > {number(limits['memory'])}",
            "warning",
            f"Memory {ON} is nearly used up",
            f"{PER_CENT} used",
            wait=120,
        )
    if rules.when("oom_kills"):
        yield Alert(
            "OomKill",
            f"increase(node_vmstat_oom_kill[10m]) > {number(limits['oom_kills'])}",
            "critical",
            f"The kernel has killed a process {ON} for lack of memory",
            '{{ printf "%.0f" $value }} in 10 minutes',
        )
    if rules.when("cpu"):
        yield Alert(
            "CpuBusy",
            '100 - 100 * avg by (host) (sum by (host, cpu) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[5m])))'
            f" > {number(limits['cpu'])}",
            "warning",
            "The processors of {{ $labels.host }} are busy",
            PER_CENT,
            wait=600,
        )
    if rules.when("load"):
        yield Alert(
            "LoadHigh",
            'node_load5 / on (host) count by (host) (node_cpu_seconds_total{mode="idle"})'
            f" > {number(limits['load'])}",
            "warning",
            "More waits for {{ $labels.host }} than it can do",
            f"load of {NUMBER} for each processor",
            wait=600,
        )
    if rules.when("swap"):
        yield Alert(
            "SwapUsed",
            "100 - 100 * node_memory_SwapFree_bytes / (node_memory_SwapTotal_bytes > 0)"
            f" > {number(limits['swap'])}",
            "warning",
            f"Swap {ON} is in use",
            f"{PER_CENT} used",
            wait=600,
        )


def system(rules: Rules) -> Iterator[Alert]:
    limits = rules.limits
    yield Alert(
        "UnitFailed",
        'node_systemd_unit_state{state="failed"} == 1',
        "warning",
        f"Unit {{{{ $labels.name }}}} {ON} has failed",
        "failed",
        wait=30,
        hold=60,
    )
    if rules.when("clock_skew"):
        yield Alert(
            "ClockSkew",
            "abs(node_time_seconds - timestamp(node_time_seconds))"
            f" > {number(limits['clock_skew'])}",
            "warning",
            "The clock of {{ $labels.host }} is wrong",
            f"{SECONDS} off the monitoring host's",
            wait=60,
        )
    yield Alert(
        "ClockUnsynchronised",
        "node_timex_sync_status == 0 and on (host) node_timex_maxerror_seconds >= 16",
        "warning",
        "The clock of {{ $labels.host }} is not synchronised",
        "no time server reached",
        wait=1800,
    )
    if rules.when("fail2ban_bans"):
        yield Alert(
            "Fail2banSurge",
            f"sum by (host, jail) (increase(farol_fail2ban_bans_total[10m])) > {number(limits['fail2ban_bans'])}",
            "warning",
            f"Jail {{{{ $labels.jail }}}} {ON} bans unusually many addresses",
            '{{ printf "%.0f" $value }} in 10 minutes',
        )
    if rules.when("reboot_days"):
        yield Alert(
            "RebootRequired",
            "time() - (farol_reboot_required_since_seconds > 0)"
            f" > {number(limits['reboot_days'])} * 86400",
            "info",
            "{{ $labels.host }} waits for a reboot",
            f"for {SECONDS}",
        )
    if rules.when("updates_days"):
        yield Alert(
            "UpdatesPending",
            "time() - (farol_security_updates_since_seconds > 0)"
            f" > {number(limits['updates_days'])} * 86400",
            "info",
            "{{ $labels.host }} waits for security updates",
            f"for {SECONDS}",
        )


def watching(rules: Rules) -> Iterator[Alert]:
    """Who watches the watchman: everything that is missing, and what he says of himself."""
    yield Alert(
        "HostDown",
        'max by (host) (up{job!="blackbox"}) == 0 unless on (host) max by (host) (probe_success) == 1',
        "critical",
        "{{ $labels.host }} does not answer",
        "none of its exporters answers",
        wait=30,
        hold=60,
    )
    yield Alert(
        "TargetMissing",
        "up == 0",
        "warning",
        f"{{{{ $labels.job }}}} {ON} gives no figures",
        "{{ $labels.instance }} does not answer",
        wait=60,
        hold=120,
    )
    if rules.when("down_for"):
        yield Alert(
            "NginxDown",
            "nginx_up == 0",
            "critical",
            f"Nginx {ON} is down",
            "does not answer",
            wait=rules.limits["down_for"],
            hold=60,
        )
    yield Alert(
        "CollectorStale",
        'time() - node_textfile_mtime_seconds{file=~".*/farol_host.prom"} > 1200'
        ' or time() - node_textfile_mtime_seconds{file=~".*/farol_(containers|pgbouncer).prom"} > 180',
        "warning",
        f"{{{{ $labels.file }}}} {ON} is written no more",
        f"{SECONDS} old",
    )
    yield Alert(
        "TextfileBroken",
        "node_textfile_scrape_error == 1",
        "warning",
        f"The node exporter {ON} can't read one of its text files",
        "unreadable",
        wait=60,
    )
    yield Alert(
        "RulesFailing",
        "increase(prometheus_rule_evaluation_failures_total[5m]) > 0",
        "critical",
        f"Prometheus {ON} can't evaluate a rule of {{{{ $labels.rule_group }}}}",
        '{{ printf "%.0f" $value }} times in 5 minutes',
        wait=60,
    )
    yield Alert(
        "ConfigRefused",
        "prometheus_config_last_reload_successful == 0 or alertmanager_config_last_reload_successful == 0",
        "critical",
        f"{{{{ $labels.job }}}} {ON} goes on with an old configuration",
        "the last reload failed",
        wait=60,
    )
    yield Alert(
        "NotificationsFailing",
        "sum by (host, integration) (increase(alertmanager_notifications_failed_total[5m])) > 0",
        "critical",
        f"Alertmanager {ON} can't reach {{{{ $labels.integration }}}}",
        '{{ printf "%.0f" $value }} attempts failed in 5 minutes',
    )
    yield Alert(
        "AlertmanagerMissing",
        "prometheus_notifications_alertmanagers_discovered < 1"
        " or rate(prometheus_notifications_errors_total[5m]) > 0",
        "critical",
        f"Prometheus {ON} can't hand its alerts to Alertmanager",
        "nobody is told",
        wait=60,
    )
    yield Alert(
        "Watchdog",
        "vector(1)",
        "none",
        "The way from Prometheus to you works",
        "always on",
    )
