# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users of Redis and Valkey as lines of an ACL file, and what is wrong with the options of the role redis."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean
from ansible_collections.farol.vps.plugins.plugin_utils._private_network import (
    address_faults,
    member_faults,
    missing_faults,
)

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
PASSWORD = re.compile(r"[!-~]+")
SIZE = re.compile(r"(\d+)(kb|mb|gb)")
UNITS = {"kb": 1 / 1024, "mb": 1, "gb": 1024}
# Made by the role: the host's own administrator, the exporter's and the replicas' users.
ADMIN, MONITORING, REPLICATION = "farol", "monitoring", "replication"
TAKEN = ("default", ADMIN, MONITORING, REPLICATION)
# Everything on data, nothing on the server. What libraries ask for all the same comes back.
RULES = "+@all -@admin -@dangerous +info +sort +flushdb"
# The subcommands of CLIENT have categories of their own only from 7.0 on.
CLIENT = "+client|setname +client|getname +client|id +client|reply +client|tracking +client|caching"
# Without CONFIG GET, which tells a replica's password, and CLIENT as a whole, which stops the clients of others.
WATCHING = (
    "+ping +select +info +dbsize +latency +slowlog|get +slowlog|len +client|setname +client|list"
)
# How much is in a key, and not what.
COUNTING = "+type +llen +scard +zcard +hlen +xlen +memory|usage"
STREAMING = "+psync +replconf +ping"

Options = Mapping[str, Any]


def hashed(password: str) -> str:
    return "#" + sha256(password.encode()).hexdigest()


def acl(
    users: Sequence[Mapping[str, Any]],
    instance: str,
    version: str,
    admin: str,
    monitoring: str = "",
    replication: str = "",
    monitoring_keys: Sequence[str] = (),
) -> list[str]:
    """The lines of one instance's ACL file. `admin` is the hash of a password that only the host knows."""
    modern = _release(version) >= (6, 2)
    nowhere, everywhere = ("resetchannels ", "&* ") if modern else ("", "")
    lines = [
        f"user default off resetkeys {nowhere}-@all",
        f"user {ADMIN} on #{admin} ~* {everywhere}+@all",
    ]
    if monitoring:
        counted = "".join(f"~{pattern} " for pattern in monitoring_keys)
        rules = f"{WATCHING} {COUNTING}" if monitoring_keys else WATCHING
        lines.append(
            f"user {MONITORING} on {hashed(monitoring)} resetkeys {counted}{nowhere}-@all {rules}"
        )
    if replication:
        lines.append(
            f"user {REPLICATION} on {hashed(replication)} resetkeys {nowhere}-@all {STREAMING}"
        )
    for user in users:
        if user.get("instances") and instance not in user["instances"]:
            continue
        keys = " ".join(f"~{pattern}" for pattern in user.get("keys") or ["*"])
        rules = user.get("commands") or (
            RULES if _release(version) >= (7, 0) else f"{RULES} {CLIENT}"
        )
        lines.append(
            f"user {user['name']} on {hashed(user['password'])} {keys} {everywhere}-@all {rules}"
        )
    return lines


def option_faults(options: Options) -> list[str]:
    return [
        *_server_faults(options),
        *_instance_faults(options),
        *_user_faults(options),
        *address_faults("redis", options),
        *_replica_faults(options),
    ]


def host_faults(options: Options, said: Sequence[str], check: bool = False) -> list[str]:
    """One line for each thing on the host that stands in the way. `said` is what it said of itself."""
    keyed = dict(line.split(": ", 1) for line in said if ": " in line)
    faults = []
    if stock := keyed.get("stock"):
        faults.append(
            f"{stock} holds the data of a server that this role did not set up, and would stop. Move it away, or into the "
            "folder of an instance, which is beside it; docs/data.md#a-redis-that-is-there-already"
        )
    there = keyed.get("addresses", "").split()
    if there and not check:
        faults += missing_faults("redis", "Redis", options, there)
    return faults


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _server_faults(options: Options) -> Iterator[str]:
    if options["release"] not in options["releases"]:
        there = ", ".join(options["releases"])
        yield f"redis_server: {options['release']} has no {options['server']}, which is in {there}; leave it empty"


def _instance_faults(options: Options) -> Iterator[str]:
    instances = options["instances"]
    for key in ("name", "port"):
        for value, count in Counter(instance[key] for instance in instances).items():
            if count > 1:
                yield f"redis_instances: two have the {key} {value}; change one"
    total = 0.0
    for instance in instances:
        path = f"redis_instances: {instance['name']}"
        if not NAME.fullmatch(instance["name"]) or instance["name"] == "server":
            yield f"{path} is no name; use a-z, 0-9 and -, 31 at the most, a letter first"
        if not 1024 <= instance["port"] <= 65535:
            yield f"{path}: port {instance['port']} is not between 1024 and 65535"
        match = SIZE.fullmatch(str(instance["maxmemory"]).lower())
        if not match or int(match[1]) == 0:
            yield f"{path}: maxmemory {instance['maxmemory']} is no size; write it as in 256mb or 1gb"
        else:
            total += int(match[1]) * UNITS[match[2]]
    if total > options["memory_mb"]:
        yield (
            f"redis_instances: their maxmemory is {total:.0f} MB together, and the host has {options['memory_mb']} MB; "
            "make it smaller"
        )


def _user_faults(options: Options) -> Iterator[str]:
    names = [instance["name"] for instance in options["instances"]]
    for name, count in Counter(user["name"] for user in options["users"]).items():
        if count > 1:
            yield f"redis_users: {name} is there twice; keep one"
        if name in TAKEN or not NAME.fullmatch(name):
            yield f"redis_users: {name} is taken or no name; use a-z, 0-9 and -, 31 at the most, a letter first"
    for user in options["users"]:
        path = f"redis_users: {user['name']}"
        yield from _password_faults(f"{path}: its password", user["password"])
        for name in user.get("instances") or []:
            if name not in names:
                hint = did_you_mean(name, names)
                yield f"{path}: the instance {name} is not in redis_instances{hint}"
        yield from _pattern_faults(f"{path}: keys", user.get("keys") or [])
        for rule in str(user.get("commands") or "").split():
            if rule[0] not in "+-":
                yield f"{path}: commands: {rule} is no rule on commands; write it as in +@all or -flushall"
    if options["monitoring_password"]:
        yield from _password_faults("redis_monitoring_password", options["monitoring_password"])
    yield from _pattern_faults("redis_monitoring_keys", options["monitoring_keys"])


def _pattern_faults(path: str, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        if not re.fullmatch(r"\S+", pattern):
            yield f"{path}: {pattern!r} is no pattern; write it as in app:*"


def _password_faults(path: str, password: str) -> Iterator[str]:
    """The value is in no message."""
    if "CHANGE-ME" in password:
        yield f"{path} still holds CHANGE-ME; set a real one, as of openssl rand -hex 24"
    elif not PASSWORD.fullmatch(password):
        yield f"{path} has to be of printable ASCII characters, without spaces and not empty"


def _replica_faults(options: Options) -> Iterator[str]:
    primary, host = options["primary"], options["host"]
    if primary == host:
        yield f"redis_primary: {host} cannot be the replica of itself; leave it empty on the primary"
    elif primary and primary not in options["hosts"]:
        hint = did_you_mean(primary, options["hosts"])
        yield f"redis_primary: there is no host {primary} in the inventory{hint}"
    if primary or options["replicas"]:
        yield from _password_faults(
            "redis_replication_password, which replicas need,", options["replication_password"]
        )
        members = dict(options["replicas"])
        if primary in options["hosts"]:
            members[primary] = options["primary_address"]
        yield from member_faults("redis", members)
    if options["replicas"] and not options["addresses"]:
        yield (
            f"redis_addresses: replicas ({', '.join(options['replicas'])}) cannot reach this host; name its private address there"
        )
