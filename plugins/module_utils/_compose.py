# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of `apps` as Compose files. Pure: takes the entry, gives documents.

A release is two documents that Compose merges: one that anyone on the host may read and one, the
secret one, that holds nothing but the secret environment. Both are JSON, which is YAML as well, so that
the host needs no YAML library. A user's own compose file is in the entry as `compose`, read by the controller.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _compose_file, _compose_services
from ansible_collections.farol.vps.plugins.module_utils._compose_file import (
    MIGRATE,
    WEB,
    compose_faults,
)

__all__ = ["MIGRATE", "PORT_VARIABLE", "WEB", "compose_faults"]

App = dict[str, Any]
Document = dict[str, Any]

# The host port of a colour is known only when it starts, so that one file serves both colours.
PORT_VARIABLE = "FAROL_PORT"

# What the migration does not share with the web service that it is otherwise like.
_NOT_MIGRATION = ("ports", "expose", "networks", "hostname")


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


def slug(version: str) -> str:
    """A version as part of a Docker tag. A Git ref may hold slashes."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", version.replace("sha256:", "")).lstrip(".-")[:80]


def image(app: App) -> str:
    """C(image:tag), C(image@sha256:…) where the version is a digest, or what a build will be called."""
    version = str(app["version"])
    if app.get("source"):
        return f"farol/{app['name']}:{slug(version)}"
    if not app.get("image"):
        return str(_compose_file.service(app, WEB)["image"])
    return f"{app['image']}{'@' if version.startswith('sha256:') else ':'}{version}"


def network(app: App) -> str:
    return f"farol-{app['name']}"


def images(public: Document) -> dict[str, str]:
    """The image that is declared for each service."""
    return {name: service["image"] for name, service in public["services"].items()}


def pinned(public: Document, tags: dict[str, str], cpus: float) -> Document:
    """The document for one host: local tags in place of the images, and no more processors than there are."""
    document = copy.deepcopy(public)
    for service in document["services"].values():
        declared = service["image"]
        if declared in tags:
            # A local tag is never asked of a registry, where it could be anybody's.
            service.update(image=tags[declared], pull_policy="never")
            service["labels"]["farol.image"] = declared
        limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        for holder in (service, limits):
            if _number(holder.get("cpus")) > cpus:
                holder["cpus"] = cpus
    return document


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 0


def _digest(*documents: Any) -> str:
    return hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()[:8]


def _label(app: App, service: Document, release: str) -> None:
    own = {
        key: "" if value is None else value
        for key, value in _compose_services.pairs(service.get("labels")).items()
    }
    service["labels"] = {**own, "farol.app": app["name"], "farol.release": release}


def _documents(app: App, services: Document, secrets: Document) -> tuple[Document, Document]:
    """The public document and the secret one."""
    public = {
        "services": services,
        "networks": {"default": {"name": network(app), "external": True}},
    }
    volumes = _volumes(app, services)
    if volumes:
        public["volumes"] = volumes
    return public, {"services": {n: {"environment": env} for n, env in secrets.items() if env}}


def _volumes(app: App, services: Document) -> Document:
    """The named volumes of the services. They belong to the application, not to a colour or a release."""
    found: Document = {}
    for service in services.values():
        for name in _compose_services.volume_names(service):
            declared = _compose_file.volumes(app).get(name) or {}
            own = {} if declared.get("external") else {"name": f"farol-{app['name']}-{name}"}
            found[name] = {**own, **declared}
    return found


def _secrets(*values: dict[str, Any] | None) -> dict[str, str | None]:
    merged = {key: value for some in values for key, value in (some or {}).items()}
    return _compose_services.environment(_compose_services.literal(merged))


def release(app: App, defaults: Document | None = None, singletons: bool = True) -> Bundle:
    """The web service, the services beside it and the migration of one release.

    C(defaults) are attributes of every container. Without C(singletons) the services that may run once only
    are left out; the release has the same name on all hosts.
    """
    whole = _release_documents(app, defaults, left_out=set())
    version = slug(str(app["version"]))
    # Of a build the documents have but a name.
    built = [app["source"], str(app["version"])] if app.get("source") else []
    identity = f"{version}-{_digest(*whole, *built)}".lstrip("-")
    single = {
        name
        for name in _compose_file.others(app)
        if _compose_file.entry(app, name).get("singleton")
    }
    public, secret = whole
    if single and not singletons:
        public, secret = _release_documents(app, defaults, left_out=single)
    for service in public["services"].values():
        _label(app, service, identity)
    return Bundle(identity, public, secret)


def _release_documents(
    app: App, defaults: Document | None, left_out: set[str]
) -> tuple[Document, Document]:
    safe = {**_compose_services.SAFE, **(defaults or {})}
    names = [name for name in _compose_file.others(app) if name not in left_out]
    services: Document = {WEB: _web(app, safe)}
    for name in names:
        services[name] = _service(app, name, safe, set(names))
    if app.get("migrate"):
        services[MIGRATE] = _migration(app, services[WEB])
    secrets = {
        name: _secrets(app.get("secrets"), _compose_file.entry(app, name).get("secrets"))
        for name in services
    }
    return _documents(app, services, secrets)


def _web(app: App, safe: Document) -> Document:
    filed, own = _compose_file.service(app, WEB), _compose_file.entry(app, WEB)
    command = {"command": app["command"]} if app.get("command") else {}
    said = {
        **_compose_services.stated(filed, {**command, **own}),
        "image": image(app),
        "environment": _compose_services.variables(filed, app.get("env"), own),
        "ports": [f"127.0.0.1:${{{PORT_VARIABLE}:-0}}:{app['port']}"],
        # It is alone in its project, and starts when accessories are ready.
        "depends_on": None,
        "profiles": None,
    }
    former = app.get("service")
    if filed and former and former != WEB:
        said["networks"] = _compose_services.with_alias(said.get("networks"), former)
    return _compose_services.finished(safe, said)


def _service(app: App, name: str, safe: Document, present: set[str]) -> Document:
    filed, own = _compose_file.service(app, name), _compose_file.entry(app, name)
    said = _compose_services.stated(filed, own)
    if _is_the_app(app, filed, own):
        said["image"] = image(app)
        # The image's own check asks the web server, which only the web service runs.
        safe = {**safe, "healthcheck": _compose_services.NO_HEALTHCHECK}
    said["environment"] = _compose_services.variables(filed, app.get("env"), own)
    said["depends_on"] = _compose_services.waits_for(said, present)
    return _compose_services.finished(safe, said)


def _is_the_app(app: App, filed: Document, own: Document) -> bool:
    """Whether a service runs the application's image: it has no other, or the same in the compose file."""
    if "image" in own:
        return own["image"] in (None, image(app))
    return filed.get("image") in (None, image(app), _compose_file.service(app, WEB).get("image"))


def _migration(app: App, web: Document) -> Document:
    """A container like that of the web service, with another command, once."""
    return {
        **{key: value for key, value in web.items() if key not in _NOT_MIGRATION},
        "command": _compose_services.literal(app["migrate"]),
        "healthcheck": _compose_services.NO_HEALTHCHECK,
        "restart": "no",
        "profiles": [MIGRATE],
    }


def accessories(app: App, defaults: Document | None = None) -> Bundle | None:
    """What keeps state beside the app (databases, caches), as a project that a release never restarts."""
    declared = app.get("accessories") or {}
    if not declared:
        return None
    common = {
        k: v for k, v in (defaults or {}).items() if k in _compose_services.ACCESSORY_DEFAULTS
    }
    safe = {**_compose_services.SAFE_ACCESSORY, **common}
    services = {name: _accessory(app, name, safe, set(declared)) for name in declared}
    secrets = {name: _secrets((own or {}).get("secrets")) for name, own in declared.items()}
    public, secret = _documents(app, services, secrets)
    identity = _digest(public, secret)
    for name, service in services.items():
        # Named after its own content, so that a change to the cache leaves the database running.
        _label(app, service, _digest(service, secrets[name]))
    return Bundle(identity, public, secret)


def _accessory(app: App, name: str, safe: Document, present: set[str]) -> Document:
    filed, own = _compose_file.service(app, name), app["accessories"][name] or {}
    said = _compose_services.stated(filed, own)
    said["environment"] = _compose_services.variables(filed, None, own)
    said["depends_on"] = _compose_services.waits_for(said, present)
    said["profiles"] = None
    if own.get("health"):
        said["healthcheck"] = {
            "test": ["CMD-SHELL", _compose_services.literal(own["health"])],
            "interval": "2s",
            "timeout": "5s",
            "retries": 30,
        }
    return _compose_services.finished(safe, said)
