# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runbooks say of the hosts of an inventory.

Everything is picked out by name, so that a secret can't get into a page: of secrets there are names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._apps import HEALTH_PATH, domains, ports
from ansible_collections.farol.vps.plugins.plugin_utils._backup import sources_of_apps

PLACES = ("endpoint", "bucket", "host", "path")
USER_OF_A_URL = re.compile(r"(?<=://)[^/@]*@")


def describe(names: Iterable[str], hostvars: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry for each host.

    name, address, user, port   how it is reached
    groups                      of the inventory, without C(all) and C(ungrouped)
    apps                        name, hosts that have it, domains, origin, version, health, ports, services, accessories,
                                names of secrets
    sources                     what is backed up: name and type, C(cluster) or one of the role backup's
    repositories                where to: name, type and place
    balances                    sites that it balances: name and servers, by their names
    tls                         where its certificates come from
    primary                     of PostgreSQL, for a replica
    provider                    that C(provision.yml) makes it at
    """
    hosts = [_host(name, hostvars[name]) for name in names]
    holders: dict[str, list[str]] = {}
    for host in hosts:
        for app in host["apps"]:
            app["hosts"] = holders.setdefault(app["name"], [])
            app["hosts"].append(host["name"])
    return hosts


def _host(name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    groups = [group for group in variables.get("group_names") or [] if group != "ungrouped"]
    apps = list(variables.get("apps") or [])
    repositories = [_repository(entry) for entry in variables.get("backup_repositories") or []]
    return {
        "name": name,
        "address": str(variables.get("ansible_host") or name),
        "user": str(variables.get("ansible_user") or ""),
        "port": int(variables.get("ansible_port") or 22),
        "groups": groups,
        "apps": [_app(app) for app in apps],
        "sources": _sources(variables, apps) if repositories else [],
        "repositories": repositories,
        "balances": [
            {"name": site["name"], "servers": list(site["balance"].get("servers") or {})}
            for site in variables.get("nginx_sites") or []
            if site.get("balance")
        ],
        "tls": str(variables.get("nginx_tls") or "local_ca"),
        "primary": str(variables.get("postgresql_primary") or ""),
        "provider": str(variables.get("provision_provider") or ""),
    }


def _sources(variables: Mapping[str, Any], apps: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    sources = variables.get("backup_sources")
    if sources is None:
        sources = sources_of_apps(apps)
    clusters = variables.get("backup_clusters") or []
    return [
        *({"name": str(entry["name"]), "type": "cluster"} for entry in clusters),
        *({"name": str(entry["name"]), "type": str(entry["type"])} for entry in sources),
    ]


def _app(app: Mapping[str, Any]) -> dict[str, Any]:
    source = app.get("source") or {}
    origin = app.get("image") or source.get("git") or app.get("compose_file") or ""
    accessories = app.get("accessories") or {}
    return {
        "name": app["name"],
        "domains": domains(app),
        "origin": USER_OF_A_URL.sub("", str(origin)),
        "version": str(app.get("version") or ""),
        "health": (app.get("health") or {}).get("path", HEALTH_PATH),
        "ports": ports(app),
        "services": list(app.get("services") or {}),
        "accessories": list(accessories),
        "secrets": [
            *(app.get("secrets") or {}),
            *(
                f"{name}.{key}"
                for group in (app.get("services") or {}, accessories)
                for name, entry in group.items()
                if isinstance(entry, Mapping)
                for key in entry.get("secrets") or {}
            ),
        ],
    }


def _repository(entry: Mapping[str, Any]) -> dict[str, str]:
    parts = [str(entry[key]) for key in PLACES if entry.get(key)]
    return {
        "name": str(entry["name"]),
        "type": str(entry["type"]),
        "place": USER_OF_A_URL.sub("", re.sub(r"(?<!:)/{2,}", "/", "/".join(parts))),
    }
