# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which exporters a host has, and what the host that watches knows of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

# The exporters that a group of the inventory asks for.
BY_GROUP = {"postgresql": "postgres", "pgbouncer": "pgbouncer", "redis": "redis"}
PORT = 9443
PORTS = {
    "node": 9100,
    "nginx": 9113,
    "mtail": 3903,
    "postgres": 9187,
    "redis": 9121,
}
# Where Nginx has the live release's own metrics, on the loopback.
LIVE = 9114
CERTIFICATES = "/etc/prometheus/farol/hosts"
REDIS = ({"name": "cache", "port": 6379},)


def exporters(groups: Iterable[str], apps: Sequence[Any]) -> list[str]:
    """What a host is looked at with, from its groups and its applications."""
    found = set(groups)
    return [
        "node",
        *(["nginx", "mtail"] if apps else []),
        *(exporter for group, exporter in BY_GROUP.items() if group in found),
    ]


def hosts(
    names: Iterable[str],
    hostvars: Mapping[str, Any],
    monitor: str,
    probe_addresses: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """What the host `monitor` knows of those that it watches.

    name, host    name in the inventory, and the label
    address       where its endpoint listens; port is the endpoint's
    local         whether it is `monitor` itself, whose exporters need no endpoint
    exporters     what it runs; redis has the instances, each with name, port, queues, and maxclients where it is set
    apps          its entries of apps
    backup        true where it is backed up, so that backups nothing is known of are missing
    certificate   file on `monitor` that the host is known by
    probe_address where its sites are asked for, if that is not what the DNS says
    """
    probes = probe_addresses or {}
    return [
        {
            **_host(name, hostvars[name]),
            "local": name == monitor,
            "certificate": f"{CERTIFICATES}/{name}.crt",
            **({"probe_address": probes[name]} if probes.get(name) else {}),
        }
        for name in names
    ]


def _host(name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    apps = list(_first(variables, "telemetry_apps", "apps", default=()))
    own = variables.get("telemetry_exporters")
    running = exporters(variables.get("group_names") or (), apps) if own is None else list(own)
    instances = _first(variables, "telemetry_redis_instances", "redis_instances", default=REDIS)
    settings = {i["name"]: i.get("settings") for i in variables.get("redis_instances") or []}
    redis = [
        {
            "name": i["name"],
            "port": int(i["port"]),
            "queues": list(i.get("queues") or []),
            **_maxclients(settings.get(i["name"]) or {}),
        }
        for i in instances
    ]
    return {
        "name": name,
        "host": name,
        "address": address(name, variables),
        "port": int(variables.get("telemetry_endpoint_port") or PORT),
        # PgBouncer is told of by the node exporter.
        "exporters": [name for name in running if name in PORTS],
        "apps": apps,
        **({"redis": redis} if "redis" in running else {}),
        **({"backup": True} if variables.get("backup_repositories") else {}),
    }


def _maxclients(settings: Mapping[str, Any]) -> dict[str, int]:
    return {"maxclients": int(settings["maxclients"])} if "maxclients" in settings else {}


def modules(names: Iterable[str], instances: Sequence[Any], apps: Sequence[Any]) -> dict[str, Any]:
    """What the endpoint of a host leads to: port and path by the name that it is asked for."""
    found: dict[str, Any] = {}
    for name in names:
        if name == "redis":
            for instance in instances:
                path = f"/scrape?{urlencode(redis_query(instance))}"
                found[f"redis-{instance['name']}"] = {"port": PORTS[name], "path": path}
        elif name in PORTS:
            found[name] = {"port": PORTS[name], "path": "/metrics"}
    for app in apps:
        if app.get("metrics") and "nginx" in names:
            found[f"app-{app['name']}"] = {"port": LIVE, "path": f"/{app['name']}/metrics"}
    return found


def redis_query(instance: Mapping[str, Any]) -> dict[str, str]:
    """What the exporter is asked for an instance, and for the length of its queues."""
    keys = [f"db{queue.get('db') or 0}={queue['key']}" for queue in instance.get("queues") or []]
    target = {"target": f"redis://127.0.0.1:{instance['port']}"}
    return {**target, **({"check-single-keys": ",".join(keys)} if keys else {})}


def address(name: str, variables: Mapping[str, Any]) -> str:
    return str(_first(variables, "telemetry_address", "ansible_host", default=name))


def _first(variables: Mapping[str, Any], *names: str, default: Any) -> Any:
    for name in names:
        if variables.get(name) is not None:
            return variables[name]
    return default


def faults(options: Mapping[str, Any]) -> list[str]:
    """The faults of a host's options that types can't show."""
    return [*_host_faults(options), *_instance_faults(options["redis_instances"])]


def _host_faults(options: Mapping[str, Any]) -> Iterator[str]:
    monitor, known = options["monitoring_host"], options["hosts"]
    if "node" not in options["exporters"]:
        yield "telemetry_exporters: node is missing; without it nobody sees that the host is up"
    if monitor not in known:
        yield (
            f"telemetry_monitoring_host: {monitor!r} is no host of the inventory"
            f"{did_you_mean(str(monitor), known)}"
        )
    elif monitor != options["host"]:
        yield from _address_faults(options["address"])


def _address_faults(text: str) -> Iterator[str]:
    try:
        found = ip_address(text)
    except ValueError:
        yield (
            f"telemetry_address: {text!r} is no address; name the private one that "
            "telemetry_monitoring_host reaches this host at"
        )
        return
    if found.is_unspecified or found.is_loopback:
        yield f"telemetry_address: {text} leads to no other host; name a private address"
    elif found.is_global:
        yield (
            f"telemetry_address: {text} is public; use a private network or WireGuard between hosts"
        )


def _instance_faults(instances: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for key in ("name", "port"):
        values = [instance[key] for instance in instances]
        for value in sorted({str(value) for value in values if values.count(value) > 1}):
            yield f"telemetry_redis_instances: {key} {value} is listed twice"
