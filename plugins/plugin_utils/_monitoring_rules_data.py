# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alerts on PostgreSQL, PgBouncer, Redis, and on backups and their drills."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import (
    BYTES,
    NUMBER,
    PER_CENT,
    SECONDS,
    Alert,
    Rules,
    either,
    number,
)

# Redis' own default.
MAXCLIENTS = 10000
ON = "on {{ $labels.host }}"
INSTANCE = "{{ if $labels.instance_name }} {{ $labels.instance_name }}{{ end }}"
REDIS = f"Redis{INSTANCE} {ON}"
SOURCE = "{{ $labels.source }} on {{ $labels.host }}"
REPOSITORY = "{{ if $labels.repository }} to {{ $labels.repository }}{{ end }}"


def postgresql(rules: Rules) -> Iterator[Alert]:
    limits = rules.limits
    if rules.when("down_for"):
        yield Alert(
            "PostgresqlDown",
            "pg_up == 0",
            "critical",
            f"PostgreSQL {ON} is down",
            "lets nobody in",
            wait=limits["down_for"],
            hold=60,
        )
        yield Alert(
            "PgbouncerDown",
            "pgbouncer_up == 0",
            "critical",
            f"PgBouncer {ON} is down",
            "does not answer",
            wait=limits["down_for"],
            hold=60,
        )
    if rules.when("postgresql_connections"):
        yield Alert(
            "PostgresqlConnections",
            "100 * sum by (host) (pg_stat_activity_count) / min by (host) (pg_settings_max_connections)"
            f" > {number(limits['postgresql_connections'])}",
            "warning",
            f"PostgreSQL {ON} runs out of connections",
            f"{PER_CENT} of max_connections",
            wait=60,
        )
    if rules.when("pgbouncer_waiting"):
        yield Alert(
            "PgbouncerWaiting",
            "sum by (host, database) (pgbouncer_pools_client_waiting_connections)"
            f" > {number(limits['pgbouncer_waiting'])}",
            "warning",
            f"Clients of {{{{ $labels.database }}}} wait for a connection of PgBouncer {ON}",
            f"{NUMBER} clients wait",
            wait=60,
        )
    if rules.when("replication_lag"):
        yield Alert(
            "ReplicationLag",
            "max by (host) (pg_replication_lag_seconds or pg_replication_lag)"
            f" > {number(limits['replication_lag'])}",
            "warning",
            f"The replica of PostgreSQL {ON} lags behind",
            f"{SECONDS} behind",
            wait=60,
        )
    if rules.when("replication_lag_mb"):
        yield Alert(
            "ReplicationBehind",
            "max by (host, application_name) (pg_stat_replication_pg_wal_lsn_diff)"
            f" > {number(limits['replication_lag_mb'])} * 1024 * 1024",
            "warning",
            f"Replica {{{{ $labels.application_name }}}} of PostgreSQL {ON} lags behind",
            f"{BYTES} of WAL behind",
            wait=60,
        )
    # What a replica would still need is kept until the disk is full or the replica must be made anew.
    yield Alert(
        "ReplicaLost",
        "max by (host, slot_name) (pg_replication_slot_slot_is_active or pg_replication_slots_active) == 0",
        "critical",
        f"The replica of slot {{{{ $labels.slot_name }}}} has left PostgreSQL {ON}",
        "not connected",
        wait=60,
    )


def redis(rules: Rules) -> Iterator[Alert]:
    limits = rules.limits
    if rules.when("down_for"):
        yield Alert(
            "RedisDown",
            "redis_up == 0",
            "critical",
            f"{REDIS} is down",
            "does not answer",
            wait=limits["down_for"],
            hold=60,
        )
    yield Alert(
        "RedisRefusing",
        "increase(redis_rejected_connections_total[5m]) > 0",
        "critical",
        f"{REDIS} refuses clients",
        '{{ printf "%.0f" $value }} refused in 5 minutes',
    )
    if rules.when("redis_clients"):
        yield Alert(
            "RedisClients",
            _clients(rules, limits["redis_clients"]),
            "warning",
            f"{REDIS} has nearly as many clients as it lets in",
            f"{PER_CENT} of maxclients",
            wait=60,
        )
    if rules.when("redis_memory"):
        # A cache is meant to be full. What may not evict refuses writes.
        yield Alert(
            "RedisMemory",
            "100 * redis_memory_used_bytes / (redis_memory_max_bytes > 0)"
            f" > {number(limits['redis_memory'])}"
            ' and on (host, instance_name) redis_instance_info{maxmemory_policy="noeviction"}',
            "critical",
            f"{REDIS} is full and will refuse writes",
            f"{PER_CENT} of maxmemory",
            wait=60,
        )
    if rules.when("redis_evictions"):
        yield Alert(
            "RedisEvicting",
            f"increase(redis_evicted_keys_total[10m]) > {number(limits['redis_evictions'])}",
            "warning",
            f"{REDIS} evicts keys for lack of memory",
            '{{ printf "%.0f" $value }} keys in 10 minutes',
        )
    yield Alert(
        "RedisNotSaving",
        "redis_rdb_last_bgsave_status == 0 or redis_aof_last_write_status == 0",
        "critical",
        f"{REDIS} can't write its data to the disk",
        "the last attempt failed",
        wait=60,
    )
    yield Alert(
        "RedisReplicaLost",
        "redis_master_link_up == 0",
        "warning",
        f"{REDIS} has lost its primary",
        "link down",
        wait=60,
    )


def _clients(rules: Rules, per_cent: float) -> str:
    """Who may only read statistics is not told what `maxclients` is; the inventory knows."""
    own: dict[int, list[str]] = {}
    for host in rules.hosts:
        for instance in host.get("redis") or []:
            if (limit := instance.get("maxclients", MAXCLIENTS)) != MAXCLIENTS:
                labels = f'host="{host["host"]}",instance_name="{instance["name"]}"'
                own.setdefault(limit, []).append(f"redis_connected_clients{{{labels}}}")
    others = "redis_connected_clients"
    if own:
        others += f" unless ({' or '.join(series for found in own.values() for series in found)})"
    shares = {MAXCLIENTS: [others], **own}
    return either(
        [
            f"100 * ({' or '.join(found)}) / {number(limit)} > {number(per_cent)}"
            for limit, found in shares.items()
        ]
    )


def backups(rules: Rules) -> Iterator[Alert]:
    limits = rules.limits
    for name, metric, what in (
        ("BackupFailed", "farol_backup_success", "Backup"),
        ("DrillFailed", "farol_drill_success", "Restore drill"),
    ):
        yield Alert(
            name,
            f"{metric} == 0",
            "critical",
            f"{what} of {SOURCE}{REPOSITORY} failed",
            "the last one failed",
        )
    for name, metric, what, key, unit in (
        ("BackupOld", "farol_backup", "backup", "backup_hours", 3600),
        ("DrillOld", "farol_drill", "restore drill", "drill_days", 86400),
    ):
        if rules.when(key):
            yield Alert(
                name,
                f"time() - {metric}_last_success_timestamp_seconds > {number(limits[key])} * {unit}",
                "critical" if name == "BackupOld" else "warning",
                f"The last good {what} of {SOURCE}{REPOSITORY} is too old",
                "{{ humanizeDuration $value }} old",
            )
    absent = ["(last_over_time(farol_backup_success[7d]) unless farol_backup_success)"]
    absent += [
        f'absent(farol_backup_success{{host="{host["host"]}"}})'
        for host in rules.hosts
        if host.get("backup")
    ]
    yield Alert(
        "BackupUnknown",
        " or ".join(absent),
        "critical",
        "Nothing is known of the backups of {{ $labels.host }}{{ if $labels.source }} ({{ $labels.source }}){{ end }}",
        "no figures",
        wait=900,
    )
    if rules.when("archive_minutes"):
        yield Alert(
            "ArchiveBehind",
            f"farol_archive_oldest_seconds > {number(limits['archive_minutes'])} * 60",
            "critical",
            f"WAL of {SOURCE} waits to be archived",
            f"the oldest waits for {SECONDS}",
        )
    yield Alert(
        "ArchiveFailed",
        "farol_archive_ok == 0",
        "critical",
        f"WAL of {SOURCE} does not reach the archive",
        "archiving fails",
        wait=120,
    )
    yield Alert(
        "ArchiveDropped",
        "farol_archive_dropped == 1",
        "critical",
        f"WAL of {SOURCE} was dropped to save the disk",
        "no restore to a moment until the next backup",
    )
