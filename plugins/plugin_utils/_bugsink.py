# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Bugsink on the same host, as one more entry of C(apps). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import check_options

App = Mapping[str, Any]

DATA = "/data"
# Django's own check refuses shorter ones, and Bugsink does not start then.
SECRET_KEY_LENGTH = 50
OPTIONS = {
    "domain": {"type": "str", "required": True},
    "secret_key": {"type": "str", "required": True},
    "admin_email": {"type": "str", "required": True},
    "admin_password": {"type": "str", "required": True},
    "name": {"type": "str"},
    "image": {"type": "str"},
    "version": {"type": "str"},
    "env": {"type": "dict"},
    "app": {"type": "dict"},
}
DEFAULTS = {"name": "bugsink", "image": "bugsink/bugsink", "version": "2.6.2"}
# What the option says in another place, or what has to be as it is.
OURS = ("name", "domain", "image", "version", "port", "secrets", "env", "services", "backup")

# Its pages have scripts and styles in them.
CSP = {
    "default-src": ["self"],
    "script-src": ["self", "unsafe-inline"],
    "style-src": ["self", "unsafe-inline"],
    "img-src": ["self", "data:"],
    "frame-ancestors": ["none"],
    "form-action": ["self"],
    "base-uri": ["self"],
}
# A copy of the live files could be torn; SQLite makes a whole one beside them.
COPY = (
    "import sqlite3; "
    f"sqlite3.connect('{DATA}/db.sqlite3').backup(sqlite3.connect('{DATA}/backup.sqlite3'))"
)
# Files of one that does not run are whole as they are.
BEFORE = (
    "id=$(docker ps --quiet --filter label=farol.app={name} --filter name=-web- | head -n 1); "
    '[ -z "$id" ] || docker exec "$id" python3 -c "{copy}"'
)


def faults(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the option, by path. Secrets are never shown."""
    path = "sentry_bugsink"
    found = list(check_options(dict(options), OPTIONS, path))
    yield from found
    if found:
        return
    if len(str(options["secret_key"])) < SECRET_KEY_LENGTH:
        yield (
            f"{path}.secret_key: is shorter than {SECRET_KEY_LENGTH} characters, and Bugsink would not start; "
            "make one with: openssl rand -hex 32"
        )
    if "@" not in options["admin_email"] or ":" in options["admin_email"]:
        yield f"{path}.admin_email: {options['admin_email']!r} is no address, such as ops@example.com"
    for key in sorted(set(options.get("app") or {}) & set(OURS)):
        where = f"{path}.{key}" if key in OPTIONS else "no other place, it is Bugsink's"
        yield f"{path}.app.{key}: take it out; {where} says that"


def entry(options: Mapping[str, Any]) -> dict[str, Any]:
    """The application. Its database is a file in a volume, which both colours of a release share."""
    given = {**DEFAULTS, **{key: value for key, value in options.items() if value is not None}}
    return {
        "health": {"path": "/health/ready", "timeout": 180},
        # What sentry-cli and the SDKs send at the most.
        "max_body_size": "100m",
        "csp": CSP,
        **(given.get("app") or {}),
        "name": given["name"],
        "domain": given["domain"],
        "image": given["image"],
        "version": given["version"],
        "port": 8000,
        "env": {
            "BASE_URL": f"https://{given['domain']}",
            "BEHIND_HTTPS_PROXY": "true",
            "DATABASE_PATH": f"{DATA}/db.sqlite3",
            "PHONEHOME": "false",
            **(given.get("env") or {}),
        },
        "secrets": {
            "SECRET_KEY": given["secret_key"],
            # It counts for the first user alone; later the password is changed in Bugsink.
            "CREATE_SUPERUSER": f"{given['admin_email']}:{given['admin_password']}",
        },
        # Events that it has taken are put into the database before it ends.
        "services": {"web": {"volumes": [f"data:{DATA}"], "stop_grace_period": "30s"}},
        "backup": {"volumes": ["data"], "before": BEFORE.format(name=given["name"], copy=COPY)},
    }


def with_bugsink(apps: Sequence[App], options: Mapping[str, Any] | None) -> list[App]:
    """The applications with Bugsink as the last of them, unless it is there already."""
    if not options:
        return list(apps)
    found = list(faults(options))
    if found:
        raise ValueError("; ".join(found))
    made = entry(options)
    if made in apps:
        return list(apps)
    if made["name"] in [app.get("name") for app in apps]:
        raise ValueError(
            f"sentry_bugsink: apps has an entry {made['name']} of its own; take that out, or set sentry_bugsink.name"
        )
    return [*apps, made]
