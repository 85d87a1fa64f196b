# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the options of the role postgresql, and with the host for them, before anything changes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql import PoolError, pools
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_tuning import tuning
from ansible_collections.farol.vps.plugins.plugin_utils._private_network import (
    address_faults,
    member_faults,
    missing_faults,
)

NAME = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
PASSWORD = re.compile(r"[!-~]+")
TAKEN = ("postgres", "template0", "template1")
# Extensions that have a package of their own, and the releases whose archive lacks it.
PACKAGED = {"vector": ("bookworm", "jammy")}
# Settings that follow from options: setting them here would contradict those.
OPTIONS = {
    "archive_command": "postgresql_archive_command",
    "listen_addresses": "postgresql_containers and postgresql_addresses",
    "log_min_duration_statement": "postgresql_slow_query_ms",
    "max_connections": "postgresql_max_connections",
    "max_slot_wal_keep_size": "postgresql_slot_keep",
    "password_encryption": "nothing: passwords are kept as SCRAM verifiers only",
    "port": "postgresql_port",
    "primary_conninfo": "postgresql_primary",
    "primary_slot_name": "postgresql_primary",
    "shared_preload_libraries": "postgresql_preload_libraries",
    "ssl": "nothing: TLS is always on",
    "ssl_cert_file": "postgresql_tls_certificate",
    "ssl_key_file": "postgresql_tls_key",
}
# A replica that has less of these than its primary stops replaying, without a word to the primary.
AS_MANY = {
    "max_worker_processes": 8,
    "max_wal_senders": 10,
    "max_prepared_transactions": 0,
    "max_locks_per_transaction": 64,
}
DATA_MB = 512
RUNBOOK = "docs/data.md"

Options = Mapping[str, Any]


def option_faults(options: Options) -> list[str]:
    """One line for each fault of the options, which are named without their prefix."""
    return [
        *_version_faults(options),
        *_database_faults(options),
        *_user_faults(options),
        *address_faults("postgresql", options),
        *_setting_faults(options),
        *_tls_faults(options),
        *_replica_faults(options),
    ]


def host_faults(options: Options, host: Mapping[str, Any]) -> list[str]:
    """One line for each thing on the host that stands in the way. `host` is what `found` makes of it."""
    return [*_cluster_faults(options, host), *_state_faults(options, host), *_room(options, host)]


def found(lines: Sequence[str], version: int) -> dict[str, Any]:
    """What the host said of itself: paths that exist, and lines that begin with a key."""
    data = f"/var/lib/postgresql/{version}/main"
    keyed = dict(line.split(": ", 1) for line in lines if ": " in line)
    majors = [re.match(r"/etc/postgresql/(\d+)/[^/]+/postgresql\.conf$", line) for line in lines]
    return {
        "majors": sorted({int(match[1]) for match in majors if match}),
        "data": f"{data}/PG_VERSION" in lines,
        "standby": f"{data}/standby.signal" in lines,
        "fenced": keyed.get("fenced", "").strip(),
        "addresses": keyed.get("addresses", "").split(),
        "free_mb": int(keyed.get("free_mb") or 0),
    }


def _version_faults(options: Options) -> Iterator[str]:
    wanted, own = options["version"], options["distribution_version"]
    if options["source"] == "distribution" and wanted != own:
        yield (
            f"postgresql_version: {options['release']}'s own archive has {own}, not {wanted}; leave it empty, or set "
            "postgresql_source: pgdg"
        )
    elif wanted not in options["versions"]:
        known = ", ".join(map(str, options["versions"]))
        yield f"postgresql_version: {wanted} is not known to this role, which has {known}"


def _database_faults(options: Options) -> Iterator[str]:
    users = [user["name"] for user in options["users"]]
    names = [database["name"] for database in options["databases"]]
    yield from _names("postgresql_databases", names)
    for database in options["databases"]:
        path = f"postgresql_databases: {database['name']}"
        if database["owner"] not in users:
            hint = did_you_mean(database["owner"], users)
            yield f"{path}: its owner {database['owner']} is not in postgresql_users{hint or '; add it there'}"
        for extension in database.get("extensions") or []:
            if options["source"] == "distribution" and options["release"] in PACKAGED.get(
                extension, ()
            ):
                yield (
                    f"{path}: {options['release']}'s own archive has no package for the extension {extension}; set "
                    "postgresql_source: pgdg"
                )
        if database.get("pool", 1) < 1:
            yield f"{path}: pool is a number of connections, 1 at the least"
    if options["pgbouncer"]:
        try:
            pools(options["databases"], options["max_connections"], options["direct_connections"])
        except PoolError as error:
            yield str(error)


def _user_faults(options: Options) -> Iterator[str]:
    databases = [database["name"] for database in options["databases"]]
    special = [options["monitoring_user"], options["replication_user"]]
    yield from _names("postgresql_users", [*(user["name"] for user in options["users"]), *special])
    for user in options["users"]:
        path = f"postgresql_users: {user['name']}"
        yield from _password_faults(f"{path}: its password", user["password"])
        for name in user.get("databases") or []:
            if name not in databases:
                hint = did_you_mean(name, databases)
                yield f"{path}: the database {name} is not in postgresql_databases{hint or '; add it there'}"
    if options["monitoring_password"]:
        yield from _password_faults(
            "postgresql_monitoring_password", options["monitoring_password"]
        )


def _names(path: str, names: Sequence[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{path}: {name} is there twice, or is the name of a role that this one makes; rename one"
        if name in TAKEN or name.startswith("pg_"):
            yield f"{path}: {name} belongs to PostgreSQL itself; take another name"
        elif not NAME.fullmatch(name):
            yield f"{path}: {name} is no name; use a-z, 0-9, _ and -, 63 at the most, a letter first"


def _password_faults(path: str, password: str) -> Iterator[str]:
    """The value is in no message."""
    if "CHANGE-ME" in password:
        yield f"{path} still holds CHANGE-ME; set a real one, as of openssl rand -hex 24"
    elif not PASSWORD.fullmatch(password):
        yield f"{path} has to be of printable ASCII characters, without spaces and not empty"


def _setting_faults(options: Options) -> Iterator[str]:
    for name in options["settings"]:
        if name in OPTIONS:
            yield f"postgresql_settings: {name} is not set there; use {OPTIONS[name]}"
    try:
        tuning(
            options["memory_mb"], options["cores"], options["max_connections"], options["version"]
        )
    except ValueError as error:
        yield str(error)
    if options["max_connections"] < 20:
        yield f"postgresql_max_connections: {options['max_connections']} are too few; 20 at the least"


def _tls_faults(options: Options) -> Iterator[str]:
    if options["tls"] == "files":
        for part in ("certificate", "key", "ca"):
            if not options[f"tls_{part}"]:
                yield f"postgresql_tls_{part}: missing, and needed with postgresql_tls: files"


def _replica_faults(options: Options) -> Iterator[str]:
    primary, host = options["primary"], options["host"]
    if primary == host:
        yield f"postgresql_primary: {host} cannot be the replica of itself; leave it empty on the primary"
    elif primary and primary not in options["hosts"]:
        hint = did_you_mean(primary, options["hosts"])
        yield f"postgresql_primary: there is no host {primary} in the inventory{hint}"
    elif primary and options["cluster"]["primary"]["primary"]:
        yield (
            f"postgresql_primary: {primary} is a replica itself, of {options['cluster']['primary']['primary']}; name the primary, "
            f"or take postgresql_primary from {primary} if it was promoted"
        )
    elif primary:
        yield from _smaller_than_primary(options, options["cluster"]["primary"])
    replicas = options["cluster"]["replicas"]
    if primary or replicas:
        yield from _password_faults(
            "postgresql_replication_password, which replicas need,", options["replication_password"]
        )
        members = dict(options["cluster"]["addresses"])
        if primary in options["hosts"]:
            members[primary] = options["cluster"]["primary"]["address"]
        yield from member_faults("postgresql", members)
    if replicas and not options["addresses"]:
        yield (
            f"postgresql_addresses: replicas ({', '.join(replicas)}) cannot reach this host; name its private "
            "address there"
        )
    if options["reseed"] == host and not primary:
        yield f"postgresql_reseed: {host} has no postgresql_primary that it could be seeded from"


def _smaller_than_primary(options: Options, primary: Mapping[str, Any]) -> Iterator[str]:
    pairs = {
        "postgresql_max_connections": (options["max_connections"], primary["max_connections"]),
        **{
            f"postgresql_settings: {name}": (
                int(options["settings"].get(name, least)),
                int(primary["settings"].get(name, least)),
            )
            for name, least in AS_MANY.items()
        },
    }
    for name, (own, theirs) in pairs.items():
        if own < theirs:
            yield f"{name}: {own} on a replica has to be as much as on its primary {primary['name']} at the least, which has {theirs}"


def _cluster_faults(options: Options, host: Mapping[str, Any]) -> Iterator[str]:
    wanted, majors = options["version"], host["majors"]
    if majors and wanted not in majors:
        there = " and ".join(map(str, majors))
        yield (
            f"PostgreSQL {there} is installed, and {wanted} is wanted. Its data has to be moved to another major version, which "
            f"this role never does by itself: {RUNBOOK}#major-versions"
        )


def _state_faults(options: Options, host: Mapping[str, Any]) -> Iterator[str]:
    name, primary = options["host"], options["primary"]
    reseeding = options["reseed"] == name and primary
    if host["fenced"] and not (reseeding and primary == host["fenced"]):
        yield (
            f"it was fenced when {host['fenced']} was promoted, and may not serve again by itself. Set postgresql_primary: "
            f"{host['fenced']} for {name}, take it from {host['fenced']}, and run with -e postgresql_reseed={name}: "
            f"{RUNBOOK}#after-a-promotion"
        )
    elif primary and host["data"] and not host["standby"] and not reseeding:
        yield (
            f"it is to be a replica of {primary} and holds data of its own, or was promoted. If its data may go, run with -e "
            f"postgresql_reseed={name}; if it is the primary now, take postgresql_primary from it"
        )
    elif not primary and host["standby"]:
        yield (
            "it is a replica, and has no postgresql_primary. Name its primary, or promote it: "
            f"ansible-playbook farol.vps.promote -e promote={name}"
        )
    if host["addresses"]:
        yield from missing_faults("postgresql", "PostgreSQL", options, host["addresses"])


def _room(options: Options, host: Mapping[str, Any]) -> Iterator[str]:
    if host["data"] or not host["free_mb"]:
        return
    needed = DATA_MB + options["wal_mb"]
    if host["free_mb"] < needed:
        yield (
            f"/var/lib has {host['free_mb']} MB free, and PostgreSQL needs {needed} MB to begin with ({DATA_MB} MB and "
            f"{options['wal_mb']} MB for its journal); free some, or lower max_wal_size in postgresql_settings"
        )
