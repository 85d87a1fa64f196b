# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may log in to which database from where, as lines of pg_hba.conf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

LOOPBACK = ("127.0.0.1/32", "::1/128")


def pairs(
    databases: Sequence[Mapping[str, Any]], users: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Each database with each user that may open it: its owner, and those that name it."""
    owned = [(database["name"], database["owner"]) for database in databases]
    named = [(name, user["name"]) for user in users for name in user.get("databases") or []]
    return list(dict.fromkeys(owned + named))


def access(
    databases: Sequence[Mapping[str, Any]],
    users: Sequence[Mapping[str, Any]],
    networks: Iterable[str],
    monitoring: str,
    replicas: Iterable[str] = (),
    replication: str = "replication",
) -> list[str]:
    """The lines. What none of them names is refused, and over the network so is what comes without TLS."""
    may = pairs(databases, users)
    from_outside = [_network(network) for network in networks]
    lines = [
        _line("local", "all", "postgres", "peer"),
        _line("local", "all", _quoted(monitoring), "peer map=monitoring"),
    ]
    lines += [_line("local", *_named(pair), "scram-sha-256") for pair in may]
    # The superuser has no password. This says so even if somebody gives it one.
    lines.append(_line("host", "all", "postgres", "all", "reject"))
    for network in LOOPBACK:
        lines.append(_line("hostssl", "all", _quoted(monitoring), network, "scram-sha-256"))
    for network in [*LOOPBACK, *from_outside]:
        lines += [_line("hostssl", *_named(pair), network, "scram-sha-256") for pair in may]
    lines += [
        _line("hostssl", "replication", _quoted(replication), _network(address), "scram-sha-256")
        for address in replicas
    ]
    return lines


def _named(pair: tuple[str, str]) -> tuple[str, str]:
    return _quoted(pair[0]), _quoted(pair[1])


def _quoted(name: str) -> str:
    """In quotes a name is never a keyword, such as `all`."""
    return '"' + name.replace('"', '""') + '"'


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


def _line(*columns: str) -> str:
    return " ".join(columns)
