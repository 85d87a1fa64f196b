# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be checked of a list of applications: from outside, and on their host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._apps import App, health_checks, ports

Check = dict[str, Any]

# What somebody who gets through to it owns the host with.
DOCKER_PORT = 2375


def from_outside(
    apps: Sequence[App],
    address: str,
    ca_file: str | None = None,
    closed: Iterable[str] = (),
    min_days: int = 0,
    inner_ports: bool = True,
) -> list[Check]:
    """Every domain as a visitor sees it, and the ports that only the host itself may reach.

    C(closed) names applications that are in maintenance, whose visitors get 503. A certificate has to be valid for
    C(min_days) days more.
    """
    found = health_checks(apps, address, ca_file or None)
    away = {check["url"] for check in health_checks([app for app in apps if app["name"] in closed])}
    for check in found:
        if min_days:
            check["tls_min_days"] = min_days
        if check["url"] in away:
            check["name"] += " (in maintenance)"
            check["status"] = [*check["status"], 503]
    inner = _inner_ports(apps) if inner_ports else ()
    return found + [_closed(name, address, port) for name, port in inner]


def _inner_ports(apps: Sequence[App]) -> Iterator[tuple[str, int]]:
    if apps:
        yield "Docker's API closed", DOCKER_PORT
    for app in apps:
        for colour, port in ports(app).items():
            yield f"{app['name']} {colour} closed", port


def _closed(name: str, address: str, port: int) -> Check:
    return {"name": name, "type": "tcp", "host": address, "port": port, "state": "closed"}


def on_host(apps: Sequence[App], runs_singletons: Callable[[App], bool]) -> list[Check]:
    """The units, each application through the host's own Nginx, and its containers that do not change colour.

    C(runs_singletons) says of an application whether the services that run once do so on this host.
    """
    if not apps:
        return []
    checks = [_unit("docker"), _unit("nginx")]
    for app in apps:
        web = health_checks([{**app, "aliases": []}], "127.0.0.1")
        # The host itself is let in everywhere, and a visitor's trust is a matter for the look from outside.
        checks += [
            {
                **check,
                "name": f"{app['name']} through Nginx",
                "status": [200],
                "validate_certs": False,
            }
            for check in web
        ]
        checks += [_container(app, name) for name in _containers(app, runs_singletons(app))]
    return checks


def _containers(app: App, singletons: bool) -> Iterator[str]:
    for kind in ("services", "accessories"):
        for name, entry in (app.get(kind) or {}).items():
            entry = entry or {}
            web = kind == "services" and name in ("web", app.get("service"))
            elsewhere = entry.get("singleton") and not singletons
            if not web and not elsewhere and _runs(entry):
                yield entry.get("container_name") or f"{app['name']}-{kind}-{name}-1"


def _runs(entry: Mapping[str, Any]) -> bool:
    """Whether Compose starts it without being asked, and keeps it running."""
    replicas = (entry.get("deploy") or {}).get("replicas", entry.get("scale", 1))
    return bool(replicas) and not entry.get("profiles") and entry.get("restart") != "no"


def _container(app: App, name: str) -> Check:
    short = name.removeprefix(f"{app['name']}-").removesuffix("-1")
    return {"name": f"{app['name']} {short}", "type": "container", "container": name}


def _unit(name: str) -> Check:
    return {"name": name, "type": "unit", "unit": f"{name}.service"}
