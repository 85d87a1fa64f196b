# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `sentry` of an application means to its containers and to the releases at Sentry. Pure."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._sentry import (
    SentryError,
    deploy_faults,
    release_name,
    version_fault,
)

App = Mapping[str, Any]

DSN = re.compile(r"https?://[^\s/@:]+(:[^\s/@]+)?@[^\s/@]+/\S*\d")


def environment(app: App) -> str:
    """What the container is told goes first, so that events and deploys agree."""
    own = (app.get("env") or {}).get("SENTRY_ENVIRONMENT")
    return str(own or app["sentry"].get("environment") or "production")


def name(app: App, version: str | None = None) -> str:
    """The name of the release of a version; the entry's own one unless C(version) says otherwise."""
    own = (app.get("env") or {}).get("SENTRY_RELEASE")
    if own and version in (None, str(app["version"])):
        return str(own)
    return release_name(str(app["version"]) if version is None else version, app["name"])


def with_sentry(app: App) -> App:
    """The entry with what the SDKs read in every container. What the entry sets itself stays."""
    if not app.get("sentry"):
        return app
    env, secrets = dict(app.get("env") or {}), dict(app.get("secrets") or {})
    for key, value in (("SENTRY_RELEASE", name(app)), ("SENTRY_ENVIRONMENT", environment(app))):
        if key not in secrets:
            env.setdefault(key, value)
    dsn = app["sentry"].get("dsn")
    if dsn and "SENTRY_DSN" not in env:
        secrets.setdefault("SENTRY_DSN", dsn)
    return {**app, "env": env, **({"secrets": secrets} if secrets else {})}


def faults(app: App) -> Iterator[str]:
    """What types can't show. A DSN is never repeated, since it lets in events."""
    entry = app.get("sentry")
    if not entry:
        return
    if entry.get("dsn") and not DSN.fullmatch(str(entry["dsn"])):
        yield "sentry.dsn: is no DSN; copy it from the project's settings (Client Keys)"
    try:
        fault = version_fault(name(app))
        if fault:
            yield f"env.SENTRY_RELEASE: {fault}"
    except SentryError as error:
        yield f"version: {error}"
    for fault in deploy_faults({"environment": environment(app)}):
        yield f"sentry.{fault.removeprefix('deploy.')}"
    for key in ("checkout", "repository", "commit"):
        if entry.get(key) and not entry.get("project"):
            yield f"sentry.{key}: has no meaning without project; set that, or take it out"
    if entry.get("commit") and not entry.get("repository"):
        yield "sentry.commit: needs repository, as Sentry knows it"
    if entry.get("commit") and entry.get("checkout"):
        yield "sentry.commit: checkout is set too; keep one of them"


def told_of(
    apps: Sequence[App],
    host: str,
    hosts: Sequence[str],
    hostvars: Mapping[str, Any],
    only: str = "",
    version: str = "",
) -> list[App]:
    """The applications that a host tells Sentry of: those of which it is the first of C(hosts)."""
    found = []
    for app in apps:
        if not (app.get("sentry") or {}).get("project") or (only and app["name"] != only):
            continue
        having = [
            each
            for each in hosts
            if any(one["name"] == app["name"] for one in hostvars[each].get("apps") or [])
        ]
        if host == (having or [host])[0]:
            found.append({**app, "version": str(version)} if version else app)
    return found


def _projects(app: App) -> list[str]:
    return [part.strip() for part in str(app["sentry"]["project"]).split(",") if part.strip()]


def to_create(apps: Sequence[App], hosts_say: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The releases to create, each with the commits since the one that serves."""
    return [
        {
            "version": name(app),
            "projects": _projects(app),
            **_history(app, str(app["version"]), served(hosts_say.get(app["name"]))["version"]),
        }
        for app in apps
    ]


def _history(app: App, version: str, previous: str) -> dict[str, Any]:
    """Where the commits of a version come from."""
    entry = app["sentry"]
    if entry.get("checkout"):
        git = {"path": entry["checkout"], "version": version, "ignore_missing": True}
        # Releasing the same version again has no commits of its own.
        if previous not in ("", version):
            git["previous"] = previous
        if entry.get("repository"):
            git |= {"send": "refs", "repository": entry["repository"]}
        return {"git": git}
    if entry.get("commit") and version == str(app["version"]):
        return {"refs": [{"repository": entry["repository"], "commit": entry["commit"]}]}
    return {}


def served(says: Mapping[str, Any] | None) -> dict[str, Any]:
    """What serves, as the host says.

    C(version), the version C(previous) to it, and when its release C(started) and C(finished), in seconds since 1970.
    """
    result: dict[str, Any] = {"version": "", "previous": "", "started": None, "finished": None}
    serving = (says or {}).get("serving")
    if not says or not serving:
        return result
    versions = {kept["release"]: str(kept["version"]) for kept in says.get("kept") or []}
    result["version"] = versions.get(serving, "")
    for entry in says.get("log") or []:
        if entry.get("release") == serving and entry.get("outcome") == "released":
            ended = calendar.timegm(time.strptime(entry["time"], "%Y-%m-%dT%H:%M:%SZ"))
            took = sum(step.get("seconds") or 0 for step in entry.get("steps") or [])
            result.update(
                previous=versions.get(entry.get("previous"), ""),
                started=round(ended - took, 3),
                finished=float(ended),
            )
    return result


def deployed(apps: Sequence[App], hosts_say: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The releases that serve, each with its deploy, for as long as it has served. What does not serve is not among them."""
    found = []
    for app in apps:
        now = served(hosts_say.get(app["name"]))
        if not now["version"]:
            continue
        deploy = {"environment": environment(app), "url": f"https://{app['domain']}"}
        if now["finished"] is not None:
            # An earlier deploy of this version does not count, one that a run before has registered does.
            deploy |= {
                "started": now["started"],
                "finished": now["finished"],
                "since": now["finished"],
            }
        found.append(
            {
                "version": name(app, now["version"]),
                "projects": _projects(app),
                **_history(app, now["version"], now["previous"]),
                "deploy": deploy,
            }
        )
    return found
