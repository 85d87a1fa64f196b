# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the list of applications means to the roles that read it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import check_options

App = Mapping[str, Any]

STATE_DIR = "/var/lib/farol/apps"
FIRST_PORT, PORT_PAIRS = 20000, 5000
HEALTH_PATH = "/health"
PLACEHOLDER = "CHANGE-ME"

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")

# An argument spec can't describe the values of a dictionary with free keys.
SERVICE = {"command": {"type": "str", "required": True}, "env": {"type": "dict"}}
ACCESSORY = {
    "image": {"type": "str", "required": True},
    "command": {"type": "str"},
    "env": {"type": "dict"},
    "secrets": {"type": "dict"},
    "volumes": {"type": "list", "elements": "str"},
    "health": {"type": "str"},
}


def ports(app: App) -> dict[str, int]:
    """The loopback ports of both colours."""
    blue = app.get("host_port")
    if blue is None:
        blue = FIRST_PORT + 2 * (zlib.crc32(app["name"].encode()) % PORT_PAIRS)
    return {"blue": int(blue), "green": int(blue) + 1}


def domains(app: App) -> list[str]:
    return [app["domain"], *(app.get("aliases") or [])]


def sites(apps: Sequence[App]) -> list[dict[str, Any]]:
    """The virtual hosts of the nginx role."""
    return [
        {
            "name": app["name"],
            "domain": app["domain"],
            "aliases": list(app.get("aliases") or []),
            "colours": ports(app),
            "flag": f"{STATE_DIR}/{app['name']}/green",
            "websocket": list(app.get("websocket") or []),
            "closed": [app["metrics"]] if app.get("metrics") else [],
        }
        for app in apps
    ]


def health_checks(
    apps: Sequence[App], address: str | None = None, ca_file: str | None = None
) -> list[dict[str, Any]]:
    """Checks of every domain as a visitor sees it, for health_check."""
    extra = {"address": address, "ca_file": ca_file}
    return [
        {
            "name": app["name"] if domain == app["domain"] else f"{app['name']} {domain}",
            "type": "http",
            "url": f"https://{domain}{(app.get('health') or {}).get('path', HEALTH_PATH)}",
            "status": [200],
            **{key: value for key, value in extra.items() if value},
        }
        for app in apps
        for domain in domains(app)
    ]


def check_apps(apps: Sequence[App]) -> list[str]:
    """The faults that types can't show. The types are right already."""
    faults = []
    for index, app in enumerate(apps):
        faults += [f"apps[{index}].{fault}" for fault in _faults_of(app)]
    return faults + list(clashes(apps))


def _faults_of(app: App) -> Iterator[str]:
    if not NAME.fullmatch(app["name"]):
        yield (
            f"name: {app['name']!r} is no name for an application; use lower case letters, "
            "digits and hyphens, at most 31, a letter first"
        )
    yield from _domain_faults(app)
    yield from _port_faults(app)
    yield from _path_faults(app)
    yield from _secret_faults(app, "")
    yield from _environment_faults(app, "")
    for name in sorted({"web", "migrate"} & set(app.get("services") or {})):
        yield f"services.{name}: a release has a container of that name already; rename it"
    for group, options in (("services", SERVICE), ("accessories", ACCESSORY)):
        for name, entry in (app.get(group) or {}).items():
            yield from _container_faults(f"{group}.{name}", name, entry, options)


def _domain_faults(app: App) -> Iterator[str]:
    own = domains(app)
    for index, domain in enumerate(own):
        key = f"aliases[{index - 1}]" if index else "domain"
        if not DOMAIN.fullmatch(domain):
            yield f"{key}: {domain!r} is no domain; write it in lower case, such as api.example.com"
        if domain in own[:index]:
            yield f"{key}: {domain} is listed twice"


def _port_faults(app: App) -> Iterator[str]:
    if not 1 <= int(app["port"]) <= 65535:
        yield f"port: {app['port']} is no port; use 1 to 65535"
    if app.get("host_port") is not None and not 1024 <= int(app["host_port"]) <= 65534:
        yield f"host_port: {app['host_port']} can't be used; use 1024 to 65534"


def _path_faults(app: App) -> Iterator[str]:
    paths = {
        "health.path": (app.get("health") or {}).get("path"),
        "metrics": app.get("metrics"),
        **{f"websocket[{i}]": path for i, path in enumerate(app.get("websocket") or [])},
    }
    for key, path in paths.items():
        if path is not None and not re.fullmatch(r"/[^\s{};\"'#?]*", path):
            yield f"{key}: {path!r} is no path; begin with / and use no blanks, quotes or ;{{}}#?"


def _secret_faults(container: Mapping[str, Any], prefix: str) -> Iterator[str]:
    secrets = container.get("secrets") or {}
    for key in sorted(set(container.get("env") or {}) & set(secrets)):
        yield f"{prefix}secrets.{key}: is in env too; keep it in secrets alone"
    for key, value in secrets.items():
        if PLACEHOLDER in str(value):
            yield f"{prefix}secrets.{key}: still holds {PLACEHOLDER}; set the real value in the vault"


def _environment_faults(container: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """A variable holds text; the value is not shown, it may be a secret."""
    for group in ("env", "secrets"):
        for key, value in (container.get(group) or {}).items():
            if value is None or isinstance(value, (Mapping, list, tuple)):
                yield f'{prefix}{group}.{key}: needs a text or a number; write "" for an empty one'


def _container_faults(
    path: str, name: str, entry: Any, options: Mapping[str, Any]
) -> Iterator[str]:
    if not SERVICE_NAME.fullmatch(name):
        yield f"{path}: {name!r} is no name for a container; use a-z, 0-9, _ and -"
    if not isinstance(entry, Mapping):
        yield f"{path}: expected dict with {', '.join(options)}"
        return
    faults = check_options(entry, options, path)
    yield from faults or [
        *_secret_faults(entry, f"{path}."),
        *_environment_faults(entry, f"{path}."),
    ]


def clashes(apps: Sequence[App]) -> Iterator[str]:
    """What two applications both claim: a name, a domain, a port of the host."""
    for first, second in combinations(apps, 2):
        one, two = first["name"], second["name"]
        if one == two:
            yield f"apps: two are named {one}; rename one of them"
            continue
        for domain in sorted(set(domains(first)) & set(domains(second))):
            yield f"apps: {one} and {two} both claim the domain {domain}"
        for port in sorted(set(ports(first).values()) & set(ports(second).values())):
            yield (
                f"apps: {one} and {two} both claim port {port} of the host; "
                "give one of them another host_port"
            )
