# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of `apps` as Compose files. Pure: takes the entry, gives documents.

A release is two documents that Compose merges: one that anyone on the host may read and one, the
secret one, that holds nothing but the secret environment. Both are JSON, which is YAML as well, so that
the host needs no YAML library.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

App = dict[str, Any]
Document = dict[str, Any]

# The host port of a colour is known only when it starts, so that one file serves both colours.
PORT_VARIABLE = "FAROL_PORT"
WEB = "web"
MIGRATE = "migrate"

_DEFAULTS: Document = {
    "restart": "unless-stopped",
    "init": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}


@dataclass(frozen=True)
class Bundle:
    """The two documents of a Compose project and the name that their content gives it."""

    id: str
    public: Document
    secret: Document

    @property
    def services(self) -> list[str]:
        return list(self.public["services"])

    @property
    def releases(self) -> dict[str, str]:
        """The label of each service, by which its container is recognized."""
        services = self.public["services"]
        return {name: service["labels"]["farol.release"] for name, service in services.items()}


def image(app: App) -> str:
    """C(image:tag), or C(image@sha256:…) where the version is a digest."""
    version = str(app["version"])
    return f"{app['image']}{'@' if version.startswith('sha256:') else ':'}{version}"


def network(app: App) -> str:
    return f"farol-{app['name']}"


def _literal(value: Any) -> str:
    """A value as Compose takes it word for word: `$` would start an interpolation."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("$", "$$")


def _environment(values: dict[str, Any] | None) -> dict[str, str]:
    return {key: _literal(value) for key, value in sorted((values or {}).items())}


def _digest(*documents: Document) -> str:
    return hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()[:8]


def _labels(app: App, release: str) -> dict[str, str]:
    return {"farol.app": app["name"], "farol.release": release}


def _bundle(
    app: App, version: str, services: Document, secret: Document, extra: Document
) -> Bundle:
    public = {
        "services": services,
        "networks": {"default": {"name": network(app), "external": True}},
        **extra,
    }
    secret = {"services": {name: {"environment": env} for name, env in secret.items() if env}}
    identity = f"{version}-{_digest(public, secret)}".lstrip("-")
    for service in services.values():
        service.setdefault("labels", _labels(app, identity))
    return Bundle(identity, public, secret)


def release(app: App) -> Bundle:
    """The web service, the services beside it and the migration of one release."""
    common = {"image": image(app), **_DEFAULTS}
    services: Document = {
        WEB: {
            **common,
            "environment": _environment(app.get("env")),
            "ports": [f"127.0.0.1:${{{PORT_VARIABLE}:-0}}:{app['port']}"],
        }
    }
    if app.get("command"):
        services[WEB]["command"] = _literal(app["command"])
    for name, service in (app.get("services") or {}).items():
        services[name] = {
            **common,
            "environment": _environment({**(app.get("env") or {}), **(service.get("env") or {})}),
            "command": _literal(service["command"]),
            # The image's own check asks the web server, which only the web service runs.
            "healthcheck": {"disable": True},
        }
    if app.get("migrate"):
        services[MIGRATE] = {
            **common,
            "environment": _environment(app.get("env")),
            "command": _literal(app["migrate"]),
            "healthcheck": {"disable": True},
            "restart": "no",
            "profiles": [MIGRATE],
        }
    secret = {name: _environment(app.get("secrets")) for name in services}
    version = str(app["version"]).replace("sha256:", "")[:40]
    return _bundle(app, version, services, secret, {})


def accessories(app: App) -> Bundle | None:
    """What keeps state beside the app (databases, caches), as a project that a release never restarts."""
    declared = app.get("accessories") or {}
    if not declared:
        return None
    services: Document = {}
    secret: Document = {}
    volumes: Document = {}
    for name, accessory in declared.items():
        service: Document = {
            "image": accessory["image"],
            "restart": "unless-stopped",
            "security_opt": ["no-new-privileges:true"],
            "environment": _environment(accessory.get("env")),
            "volumes": [_literal(volume) for volume in accessory.get("volumes") or []],
        }
        if accessory.get("command"):
            service["command"] = _literal(accessory["command"])
        if accessory.get("health"):
            service["healthcheck"] = {
                "test": ["CMD-SHELL", _literal(accessory["health"])],
                "interval": "2s",
                "timeout": "5s",
                "retries": 30,
            }
        services[name] = service
        secret[name] = _environment(accessory.get("secrets"))
        # Named after its own content, so that a change to the cache leaves the database running.
        service["labels"] = _labels(app, _digest(service, secret[name]))
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if not source.startswith(("/", ".", "~")):
                volumes[source] = {"name": f"farol-{app['name']}-{source}"}
    return _bundle(app, "", services, secret, {"volumes": volumes} if volumes else {})
