# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the list of applications means to the roles that read it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._compose_file import STARTS, service_faults
from ansible_collections.farol.vps.plugins.plugin_utils import _sentry_apps
from ansible_collections.farol.vps.plugins.plugin_utils._options import check_options

App = Mapping[str, Any]

STATE_DIR = "/var/lib/farol/apps"
FIRST_PORT, PORT_PAIRS = 20000, 5000
HEALTH_PATH = "/health"
PLACEHOLDER = "CHANGE-ME"

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")

TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
GIT_REF = re.compile(r"(?!.*(\.\.|//|@\{))[A-Za-z0-9_][\w./+@-]*(?<![./])", re.ASCII)
SUBFOLDER = re.compile(r"(?!/|-)(?!.*(^|/)\.\.(/|$))[^\s#:]+")

# What the virtual host takes from the entry as it is.
TO_THE_EDGE = (
    "redirect_from",
    "rate_limit",
    "max_body_size",
    "timeout",
    "stream",
    "cache",
    "allow",
    "users",
    "headers",
    "csp",
    "csp_report_only",
    "tls",
    "dns",
)

# The attributes of a service in the Compose specification.
_COMPOSE = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation
label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit network_mode
networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles
pull_policy read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal
storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir
"""

# An argument spec can't describe the values of a dictionary with free keys.
ANY = {"type": "raw"}
SERVICE = {
    "command": ANY,
    "env": {"type": "dict"},
    "secrets": {"type": "dict"},
    "singleton": {"type": "bool"},
}
ACCESSORY = {
    "image": {"type": "str"},
    "command": ANY,
    "env": {"type": "dict"},
    "secrets": {"type": "dict"},
    "volumes": {"type": "list", "elements": "raw"},
    "health": {"type": "str"},
}
# What follows from the entry's own keys, for the service that serves HTTP.
OF_THE_ENTRY = {
    "image": "set image and version of the entry",
    "ports": "both colours would claim them; host_port of the entry says where they listen",
    "singleton": "two colours of it run at once",
}


def ports(app: App) -> dict[str, int]:
    """The loopback ports of both colours."""
    blue = app.get("host_port")
    if blue is None:
        blue = FIRST_PORT + 2 * (zlib.crc32(app["name"].encode()) % PORT_PAIRS)
    return {"blue": int(blue), "green": int(blue) + 1}


def domains(app: App) -> list[str]:
    return [app["domain"], *(app.get("aliases") or [])]


def claimed(app: App) -> list[str]:
    return [*domains(app), *(app.get("redirect_from") or [])]


def sites(apps: Sequence[App]) -> list[dict[str, Any]]:
    """The virtual hosts of the nginx role."""
    return [
        {
            "name": app["name"],
            "domain": app["domain"],
            "aliases": list(app.get("aliases") or []),
            "colours": ports(app),
            "state": f"{STATE_DIR}/{app['name']}",
            "health": (app.get("health") or {}).get("path", HEALTH_PATH),
            "websocket": list(app.get("websocket") or []),
            "closed": [app["metrics"]] if app.get("metrics") else [],
            **{key: app[key] for key in TO_THE_EDGE if app.get(key) is not None},
            **_paths(app),
        }
        for app in apps
    ]


def _paths(app: App) -> dict[str, Any]:
    """A path that another application answers names its site, which has the application's name."""
    if not app.get("paths"):
        return {}
    renamed = {"app": "site"}
    return {
        "paths": [
            {renamed.get(key, key): value for key, value in entry.items()} for entry in app["paths"]
        ]
    }


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
            # Where only some addresses are let in, a refusal shows as much as an answer.
            "status": [200, 403] if app.get("allow") else [200],
            **{key: value for key, value in extra.items() if value},
        }
        for app in apps
        for domain in domains(app)
        if not domain.startswith("*.")
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
    yield from _image_faults(app)
    yield from _follow_faults(app)
    yield from _sentry_apps.faults(app)
    for key, seconds in (app.get("deploy") or {}).items():
        if seconds is not None and int(seconds) < 0:
            yield f"deploy.{key}: {seconds} is no time; use 0 or more seconds"
    for name, entry in (app.get("services") or {}).items():
        yield from _service_faults(app, name, entry)
    for name, entry in (app.get("accessories") or {}).items():
        yield from _accessory_faults(app, name, entry)


def _image_faults(app: App) -> Iterator[str]:
    """One way to an image, and a version that fits it."""
    source, given = app.get("source"), {"image", "source", "compose_file"}
    if not given & {key for key, value in app.items() if value}:
        yield "image: missing; or set source or compose_file"
    if app.get("image") and source:
        yield "source: image is set too; keep one of them"
    if app.get("compose_file") and not app.get("service"):
        yield "service: missing; name the service of compose_file that serves HTTP"
    if app.get("service") and not app.get("compose_file"):
        yield "service: has no meaning without compose_file; take it out"
    version = str(app["version"])
    if source:
        yield from _source_faults(source, version)
    elif not TAG.fullmatch(version) and not DIGEST.fullmatch(version):
        yield f"version: {version!r} is no tag of an image and no digest (sha256:…)"


def _source_faults(source: App, version: str) -> Iterator[str]:
    if not re.fullmatch(r"[\w][^\s#]*", source["git"]):
        yield f"source.git: {source['git']!r} is no address of a repository"
    for key in ("context", "dockerfile"):
        if source.get(key) is not None and not SUBFOLDER.fullmatch(source[key]):
            yield f"source.{key}: {source[key]!r} is no path within the repository"
    for key, value in (source.get("args") or {}).items():
        if value is None or isinstance(value, (Mapping, list, tuple)):
            yield f"source.args.{key}: needs a text or a number"
    if not GIT_REF.fullmatch(version):
        yield f"version: {version!r} is no tag, branch or commit of Git"


def _follow_faults(app: App) -> Iterator[str]:
    if not app.get("follow"):
        return
    if str(app["version"]).startswith("sha256:"):
        yield "follow: version is a digest, which never moves; use a tag"
    for key in ("source", "compose_file"):
        if app.get(key):
            yield f"follow: only an image can be followed; take out follow or {key}"


def _service_faults(app: App, name: str, entry: Any) -> Iterator[str]:
    path = f"services.{name}"
    if name == "migrate":
        yield f"{path}: a release has a container of that name already; rename it"
    if name in (app.get("accessories") or {}):
        yield f"{path}: is under accessories too; keep one of them"
    faults = [*_container_faults(path, name, entry, SERVICE)]
    yield from faults
    if faults:
        return
    if name in ("web", app.get("service")):
        for key, remedy in OF_THE_ENTRY.items():
            if entry.get(key):
                yield f"{path}.{key}: {remedy}"
    elif not app.get("compose_file") and not any(entry.get(key) for key in STARTS):
        yield f"{path}.command: missing; or give it an image of its own"


def _accessory_faults(app: App, name: str, entry: Any) -> Iterator[str]:
    path = f"accessories.{name}"
    faults = [*_container_faults(path, name, entry, ACCESSORY)]
    yield from faults
    if not faults and not app.get("compose_file") and not entry.get("image"):
        yield f"{path}.image: missing"


def _domain_faults(app: App) -> Iterator[str]:
    own = claimed(app)
    keys = [
        "domain",
        *(
            f"{key}[{i}]"
            for key in ("aliases", "redirect_from")
            for i in range(len(app.get(key) or []))
        ),
    ]
    for index, (key, domain) in enumerate(zip(keys, own, strict=True)):
        if not DOMAIN.fullmatch(domain.removeprefix("*.") if app.get("dns") else domain):
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
        yield f"{path}: expected dict with {', '.join(options)} or what Compose knows"
        return
    known = {**dict.fromkeys(_COMPOSE.split(), ANY), **options}
    own = {key: value for key, value in entry.items() if not str(key).startswith("x-")}
    faults = check_options(own, known, path)
    yield from faults or [
        *_secret_faults(entry, f"{path}."),
        *_environment_faults(entry, f"{path}."),
        *(f"{path}.{fault}" for fault in service_faults(dict(entry), own=True)),
    ]


def clashes(apps: Sequence[App]) -> Iterator[str]:
    """What two applications both claim: a name, a domain, a port of the host."""
    for first, second in combinations(apps, 2):
        one, two = first["name"], second["name"]
        if one == two:
            yield f"apps: two are named {one}; rename one of them"
            continue
        for domain in sorted(set(claimed(first)) & set(claimed(second))):
            yield f"apps: {one} and {two} both claim the domain {domain}"
        for port in sorted(set(ports(first).values()) & set(ports(second).values())):
            yield (
                f"apps: {one} and {two} both claim port {port} of the host; "
                "give one of them another host_port"
            )
