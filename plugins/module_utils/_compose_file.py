# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own compose file: which of its services goes where, and what of it can't be released. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._compose_services import masked, source

App = dict[str, Any]
Service = dict[str, Any]

WEB = "web"
MIGRATE = "migrate"

VERSION = r"\$(?:VERSION\b|\{VERSION(?::?[-?][^{}]*)?\})"

_OWN_NETWORK = (
    "all containers of an application share one network, where each is reached by its name"
)
_IN_ENTRY = "put its values into the entry's secrets or mount a path of the host"
# What can't be taken over from a service, and what to do instead.
REFUSED = {
    "build": "a release starts images; take it out and use the entry's source",
    "configs": _IN_ENTRY,
    "container_name": "both colours of a release run at once; take it out",
    "env_file": "the file is not on the host; put its values into env and secrets",
    "extends": "the other service may not be on the host; write its attributes out",
    "links": f"{_OWN_NETWORK}; take it out",
    "network_mode": f"{_OWN_NETWORK}; take it out",
    "secrets": _IN_ENTRY,
    "volumes_from": "name a volume and mount it in both",
}
# What a service of the entry alone has one of at least.
STARTS = ("command", "entrypoint", "image")
_TOP_LEVEL = {"name", "networks", "services", "version", "volumes"}


def _services(app: App) -> dict[str, Service]:
    declared = (app.get("compose") or {}).get("services")
    return declared if isinstance(declared, dict) else {}


def volumes(app: App) -> dict[str, Any]:
    """The named volumes that the file declares."""
    return (app.get("compose") or {}).get("volumes") or {}


def service(app: App, name: str) -> Service:
    """What the file says of a service; C(web) is the one that serves HTTP, whatever the file calls it."""
    found = _services(app).get(app.get("service") if name == WEB else name) or {}
    return _with_version(found, app) if isinstance(found, dict) else {}


def _with_version(found: Service, app: App) -> Service:
    if not found.get("image"):
        return found
    return {**found, "image": _resolved(str(found["image"]), str(app["version"]))}


def _resolved(image: str, version: str) -> str:
    if version.startswith("sha256:"):
        image = re.sub(rf":{VERSION}$", lambda _match: f"@{version}", image)
    return re.sub(VERSION, lambda _match: version, image)


def entry(app: App, name: str) -> Service:
    """What the entry says of a service, of the web service under both of its names."""
    own = app.get("services") or {}
    former = own.get(app["service"]) or {} if name == WEB and app.get("service") else {}
    return {**former, **(own.get(name) or {})}


def others(app: App) -> list[str]:
    """The services beside the web service: those of the file and those of the entry, in this order.

    As with C(docker compose up), a service with C(profiles) is not among them.
    """
    taken = {WEB, app.get("service"), *(app.get("accessories") or {})}
    names = [*_services(app), *(app.get("services") or {})]
    return [
        name
        for name in dict.fromkeys(names)
        if name not in taken and not {**service(app, name), **entry(app, name)}.get("profiles")
    ]


def compose_faults(app: App) -> list[str]:
    """What is wrong with C(compose) of an entry, each with its path and a remedy."""
    return [f"compose_file: {fault}" for fault in _faults(app)]


def _faults(app: App) -> Iterator[str]:
    document = app["compose"]
    if not isinstance(document, dict) or not _services(app):
        yield "has no services; name a compose file"
        return
    yield from _top_level_faults(document)
    yield from _name_faults(app)
    released = {app.get("service"), *(app.get("accessories") or {}), *others(app)}
    for name, declared in _services(app).items():
        if not isinstance(declared, dict):
            yield f"services.{name}: expected a mapping of attributes"
            continue
        if name not in released:
            continue
        for fault in service_faults(declared):
            yield f"services.{name}.{fault}"
        if "$" in _image(app, name):
            yield f"services.{name}.image: VERSION is its only variable here; write the rest out"


def _image(app: App, name: str) -> str:
    """The image of a service of the file, unless the entry has another for it."""
    if name == app.get("service"):
        replaced = app.get("image") or app.get("source")
    else:
        group = "accessories" if name in (app.get("accessories") or {}) else "services"
        replaced = ((app.get(group) or {}).get(name) or {}).get("image")
    return "" if replaced else str(service(app, name).get("image") or "")


def _top_level_faults(document: dict[str, Any]) -> Iterator[str]:
    for key in document:
        if key in ("configs", "secrets"):
            yield f"{key}: {_IN_ENTRY}"
        elif key not in _TOP_LEVEL and not str(key).startswith("x-"):
            yield f"{key}: can't be taken over; write what it holds into services"
    networks = document.get("networks")
    for name, options in (networks if isinstance(networks, dict) else {}).items():
        if name != "default" or options:
            yield f"networks.{name}: {_OWN_NETWORK}; take it out"


def _name_faults(app: App) -> Iterator[str]:
    filed, own = _services(app), app.get("services") or {}
    known = ", ".join(filed)
    name = app.get("service")
    if name not in filed:
        yield f"there is no service {name} in it, which service names; it has {known}"
    elif not (app.get("image") or app.get("source") or service(app, WEB).get("image")):
        yield f"services.{name}.image: missing; set it there, or image or source of the entry"
    if name in (app.get("accessories") or {}):
        yield f"service {name} is under accessories too; it can't be both"
    for taken in (WEB, MIGRATE):
        if taken in filed and taken != name:
            remedy = "use the entry's migrate" if taken == MIGRATE else "rename it"
            yield f"services.{taken}: a release has a container of that name already; {remedy}"
    for accessory, options in (app.get("accessories") or {}).items():
        if accessory not in filed and not (options or {}).get("image"):
            yield f"there is no service {accessory} in it, which accessories names; it has {known}"
    for extra, options in own.items():
        if extra not in {WEB, *filed} and not set(STARTS) & set(options or {}):
            yield (
                f"there is no service {extra} in it, which services names; "
                f"it has {known}; a service that is not in it needs a command"
            )


def service_faults(declared: Service, own: bool = False) -> Iterator[str]:
    """What a service can't have here; the entry's C(own) may have C(secrets), which are variables."""
    for key, remedy in REFUSED.items():
        if declared.get(key) and not (own and key == "secrets"):
            yield f"{key}: {remedy}"
    if set(declared.get("networks") or ()) - {"default"}:
        yield f"networks: {_OWN_NETWORK}; take it out"
    mounts = declared.get("volumes")
    for index, mount in enumerate(mounts if isinstance(mounts, (list, tuple)) else ()):
        if source(mount).startswith("."):
            yield (
                f"volumes[{index}]: is relative to a folder that is not on the host; "
                "name a volume, or write an absolute path"
            )
    ports = declared.get("ports")
    for index, port in enumerate(ports if isinstance(ports, (list, tuple)) else ()):
        if not own and _variable_address(port):
            yield f"ports[{index}]: its address is a variable; write the address out"


def _variable_address(port: Any) -> bool:
    if isinstance(port, dict):
        return "$" in str(port.get("host_ip") or "")
    plain = masked(str(port))
    return plain.count(":") > 1 and "$" in plain.rsplit(":", 2)[0]
