# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the options of the role postgresql come to: roles, pools, settings as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._private_network import address, replicas

# What PostgreSQL keeps for superusers, by default.
SUPERUSERS = 3
PLAIN = "NOSUPERUSER,NOCREATEDB,NOCREATEROLE,NOBYPASSRLS"


def slot(host: str) -> str:
    """The replication slot of a replica. Its name may hold a-z, 0-9 and _ only."""
    return "farol_" + re.sub("[^a-z0-9_]", "_", host.lower())[:57]


def cluster(hosts: Sequence[str], hostvars: Mapping[str, Any], host: str) -> dict[str, Any]:
    """What the inventory says of the hosts that `host` streams to or from."""
    streaming = replicas(hosts, hostvars, host, "postgresql")
    primary = hostvars[host].get("postgresql_primary") or ""
    known = primary in hosts
    of_primary: Mapping[str, Any] = hostvars[primary] if known else {}
    return {
        "replicas": list(streaming),
        "slots": {name: slot(name) for name in streaming},
        "addresses": streaming,
        "primary": {
            "name": primary,
            "address": address(primary, of_primary, "postgresql") if known else "",
            "port": int(of_primary.get("postgresql_port") or 5432),
            "max_connections": int(of_primary.get("postgresql_max_connections") or 100),
            "settings": dict(of_primary.get("postgresql_settings") or {}),
            "primary": of_primary.get("postgresql_primary") or "",
            "slot": slot(host),
        },
    }


def conf(settings: Mapping[str, Any]) -> str:
    """Settings in the form of postgresql.conf."""
    return "".join(f"{name} = {_value(value)}\n" for name, value in settings.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return "'" + str(value).replace("'", "''") + "'"


def roles(
    users: Sequence[Mapping[str, Any]],
    monitoring: str,
    monitoring_password: str = "",
    replication: str = "",
    replication_password: str = "",
) -> list[dict[str, Any]]:
    """The roles of the server. None has a right over others; the one for replication is there when it has a name."""
    found = [
        {
            "name": monitoring,
            "password": monitoring_password,
            "flags": f"LOGIN,{PLAIN},NOREPLICATION",
            "member_of": ["pg_monitor"],
            # Whatever it is granted by mistake, it changes nothing and holds nothing up.
            "configuration": {"default_transaction_read_only": "on", "statement_timeout": "30s"},
            "limit": 5,
        }
    ]
    if replication:
        found.append(
            {
                "name": replication,
                "password": replication_password,
                "flags": f"LOGIN,{PLAIN},REPLICATION",
                "member_of": [],
                "configuration": {},
                "limit": -1,
            }
        )
    for user in users:
        found.append(
            {
                "name": user["name"],
                "password": user["password"],
                "flags": f"LOGIN,{PLAIN},NOREPLICATION",
                "member_of": list(user.get("member_of") or []),
                "configuration": dict(user.get("settings") or {}),
                "limit": user.get("connection_limit", -1),
            }
        )
    return found


class PoolError(ValueError):
    """The pools do not fit the connections that there are."""


def pools(
    databases: Sequence[Mapping[str, Any]], max_connections: int, direct: int
) -> dict[str, int]:
    """Connections that PgBouncer may open to each database; those without a number share what is left."""
    given = {base["name"]: base["pool"] for base in databases if base.get("pool")}
    sharing = [base["name"] for base in databases if not base.get("pool")]
    left = max_connections - SUPERUSERS - direct - sum(given.values())
    if left < len(sharing):
        least = max_connections - left + len(sharing)
        shown = ", ".join(f"{name} {size}" for name, size in given.items()) or "none"
        also = f", one at the least for each of {', '.join(sharing)}" if sharing else ""
        raise PoolError(
            f"PgBouncer's pools ({shown}{also}), {direct} direct connections and {SUPERUSERS} for superusers need {least} "
            f"connections, and postgresql_max_connections is {max_connections}; make the pools smaller or raise it to {least}"
        )
    share = left // len(sharing) if sharing else 0
    return {base["name"]: given.get(base["name"], share) for base in databases}
