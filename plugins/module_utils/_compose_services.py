# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Compose service: what a user says of it, over safe defaults. Pure.

Two kinds of text meet here. What an entry of `apps` says is taken word for word, so its `$` are doubled.
What the user's own compose file says stays as it is, and Compose interpolates it.
"""

from __future__ import annotations

import re
from typing import Any

Service = dict[str, Any]

# Keys of an entry's services that Compose does not know, or knows as something else.
OWN = frozenset({"env", "health", "secrets", "singleton"})

SAFE: Service = {
    "restart": "unless-stopped",
    "init": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}
# Off-the-shelf databases start as root and drop to their user, for which they need capabilities.
SAFE_ACCESSORY: Service = {key: SAFE[key] for key in ("restart", "security_opt")}
# Of the role's defaults. A guessed limit of memory would kill a database.
ACCESSORY_DEFAULTS = ("pids_limit", "logging")

LOOPBACK = "127.0.0.1"
NO_HEALTHCHECK = {"disable": True}
# With any limit below `deploy`, Compose refuses each of these.
LIMITS = ("mem_limit", "cpus", "pids_limit")


def literal(value: Any) -> Any:
    """A value as Compose takes it word for word: `$` would start an interpolation."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: literal(one) for key, one in value.items()}
    return [literal(one) for one in value] if isinstance(value, (list, tuple)) else value


def pairs(declared: Any) -> dict[str, Any]:
    """Variables or labels, which Compose takes as a list of C(KEY=value) too."""
    if isinstance(declared, (list, tuple)):
        split = (str(item).partition("=") for item in declared)
        return {key: value if equals else None for key, equals, value in split}
    return dict(declared or {})


def environment(values: dict[str, Any]) -> dict[str, str | None]:
    """Variables as texts. One without a value gets that of the shell which runs Compose."""
    return {key: _text(value) for key, value in sorted(values.items())}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def stated(filed: Service, own: Service) -> Service:
    """What is said of a service: by the compose file, and over it by the entry. Not yet its environment."""
    said = {**filed, **{key: literal(value) for key, value in own.items() if key not in OWN}}
    said.pop("environment", None)
    return said


def variables(filed: Service, shared: dict[str, Any] | None, own: Service) -> dict[str, Any]:
    """A service's environment; what is closer to the service wins."""
    entry = {**(shared or {}), **pairs(own.get("environment")), **(own.get("env") or {})}
    return environment({**pairs(filed.get("environment")), **literal(entry)})


def finished(defaults: Service, said: Service) -> Service:
    """A service with its defaults, without what was set to null, and closed to the outside."""
    whole = {**defaults, **said}
    if _at(whole, "deploy", "resources", "limits"):
        whole = {key: value for key, value in whole.items() if key not in LIMITS or key in said}
    if whole.get("cpu_quota") or whole.get("cpu_period"):
        whole["cpus"] = said.get("cpus")
    if whole.get("ports"):
        whole["ports"] = [loopback(port) for port in whole["ports"]]
    return {key: value for key, value in whole.items() if value is not None}


def _at(tree: Any, *path: str) -> Any:
    for key in path:
        tree = (tree or {}).get(key)
    return tree


def masked(text: str) -> str:
    """The text without its variables, whose defaults may hold colons; as long as it was."""
    hidden = re.sub(r"\$\{[^{}]*\}", lambda match: "$" * len(match[0]), text)
    return hidden if hidden == text else masked(hidden)


def loopback(port: Any) -> Any:
    """A published port, on 127.0.0.1 unless it names an address itself."""
    if isinstance(port, dict):
        return port if port.get("host_ip") else {**port, "host_ip": LOOPBACK}
    text = str(port)
    plain = masked(text)
    colons = plain.count(":")
    if colons == 0:
        return f"{LOOPBACK}::{text}"
    if colons == 1:
        return f"{LOOPBACK}:{text}"
    # An empty address would be every address of the host.
    without = re.match(r"(\[\])?:(?=[^:]*:[^:]*$)", plain)
    return f"{LOOPBACK}:{text[without.end() :]}" if without else port


def source(mount: Any) -> str:
    """What a volume of a service mounts: a name, a path of the host, or nothing."""
    if isinstance(mount, dict):
        return str(mount.get("source") or "")
    text = str(mount)
    end = masked(text).find(":")
    return text[:end] if end > 0 else ""


def volume_names(service: Service) -> list[str]:
    """The named volumes that a service mounts."""
    sources = [source(mount) for mount in service.get("volumes") or []]
    return [name for name in sources if name and not name.startswith(("/", ".", "~", "$"))]


def waits_for(service: Service, present: set[str]) -> Any:
    """Its C(depends_on), of the services in the same project."""
    declared = service.get("depends_on")
    if isinstance(declared, dict):
        return {name: how for name, how in declared.items() if name in present} or None
    return [name for name in declared or [] if name in present] or None


def with_alias(networks: Any, alias: str) -> dict[str, Any]:
    """The networks of a service that is known by one more name."""
    default = (networks.get("default") if isinstance(networks, dict) else None) or {}
    return {"default": {**default, "aliases": [*(default.get("aliases") or []), alias]}}
