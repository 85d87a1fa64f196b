# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a host's backups, and what each tool is told of it. Decides, and touches nothing.

C(/etc/farol/backup.json) holds it, for root alone. Nothing of it is ever an argument of a command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

CONFIG = "/etc/farol/backup.json"
PGBACKREST_CONFIG = "/etc/pgbackrest/pgbackrest.conf"
KNOWN_HOSTS = "/etc/farol/backup/known_hosts"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

# What the archives have: the option came with this version of pgBackRest.
BUNDLE, BLOCK, SFTP = (2, 39), (2, 46), (2, 48)


def key_file(repository: str, user: str) -> str:
    """The private key of an SFTP repository, once for each user that reads it."""
    return f"/etc/farol/backup/{repository}.{user}.key"


def folder(repository: Mapping[str, Any], host: str, tool: str) -> str:
    """Where in a repository a host's backups are. Each host has its own, so that nobody's clean-up touches another's."""
    return "/".join(["", *filter(None, repository["path"].split("/")), host, tool])


def endpoint(repository: Mapping[str, Any]) -> tuple[str, int]:
    name, _colon, port = repository["endpoint"].partition(":")
    return name, int(port or 443)


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def pgbackrest_conf(
    config: Mapping[str, Any],
    host: str = "",
    changes: Mapping[str, str] | None = None,
    clusters: bool = True,
) -> str:
    """pgBackRest's configuration: of this host, or of another host's backups with options of one's own."""
    known = version(config["pgbackrest_version"])
    lines: dict[str, Any] = {}
    for number, repository in enumerate(config["repositories"], 1):
        lines |= {
            f"repo{number}-{key}": value
            for key, value in _repository(repository, host or config["host"], known).items()
        }
    lines |= {
        "archive-async": "y",
        "archive-push-queue-max": config["archive_queue_max"],
        "spool-path": "/var/spool/pgbackrest",
        "log-path": "/var/log/pgbackrest",
        "log-level-file": "info",
        "log-level-console": "warn",
        "compress-type": config["compress"],
        "process-max": config["processes"],
        "start-fast": "y",
        # Whether anything may go is decided after the new backup was looked at.
        "expire-auto": "n",
        **(changes or {}),
    }
    text = "# Written by farol; changes here are overwritten.\n[global]\n"
    text += "".join(f"{key}={value}\n" for key, value in lines.items())
    text += "\n[global:archive-get]\nprocess-max=2\n"
    # A run that waits for a storage looks at the length of the queue at its end alone, so it has to end soon.
    text += "\n[global:archive-push]\nio-timeout=15\n"
    for cluster in config["clusters"] if clusters else ():
        text += f"\n[{cluster['name']}]\npg1-path={cluster['path']}\npg1-port={cluster['port']}\n"
        text += "pg1-socket-path=/var/run/postgresql\n"
    return text


def _repository(repository: Mapping[str, Any], host: str, known: tuple[int, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "type": {"local": "posix"}.get(repository["type"], repository["type"]),
        "path": folder(repository, host, "pgbackrest"),
        "cipher-type": "aes-256-cbc",
        "cipher-pass": repository["password"],
        "retention-full-type": "count",
        "retention-full": repository["keep_full"],
    }
    if repository["keep_diff"]:
        options["retention-diff"] = repository["keep_diff"]
    if known >= BUNDLE:
        options["bundle"] = "y"
    if known >= BLOCK:
        options["block"] = "y"
    if repository["type"] == "s3":
        name, port = endpoint(repository)
        options |= {
            "s3-bucket": repository["bucket"],
            "s3-endpoint": name,
            "s3-region": repository["region"],
            "s3-uri-style": repository["uri_style"],
            "s3-key": repository["access_key"],
            "s3-key-secret": repository["secret_key"],
            "storage-port": port,
        }
        if repository["ca_file"]:
            options["storage-ca-file"] = repository["ca_file"]
    if repository["type"] == "sftp":
        options |= {
            "sftp-host": repository["host"],
            "sftp-host-port": repository["port"],
            "sftp-host-user": repository["user"],
            "sftp-private-key-file": key_file(repository["name"], "postgres"),
            "sftp-host-key-hash-type": "sha256",
            "sftp-host-key-check-type": "strict",
            "sftp-known-host": KNOWN_HOSTS,
        }
    return options


def known_hosts(config: Mapping[str, Any]) -> str:
    lines = []
    for repository in config["repositories"]:
        if repository["type"] == "sftp":
            name, port = repository["host"], repository["port"]
            shown = name if port == 22 else f"[{name}]:{port}"
            lines.append(f"{shown} {repository['host_key'].strip()}\n")
    return "".join(lines)


def restic_repository(repository: Mapping[str, Any], host: str) -> str:
    place = folder(repository, host, "restic")
    if repository["type"] == "s3":
        name, port = endpoint(repository)
        shown = name if port == 443 else f"{name}:{port}"
        return f"s3:https://{shown}/{repository['bucket']}{place}"
    if repository["type"] == "sftp":
        return f"sftp:{repository['user']}@{repository['host']}:{place}"
    return place


def restic_environment(repository: Mapping[str, Any], host: str) -> dict[str, str]:
    environment = {
        "RESTIC_REPOSITORY": restic_repository(repository, host),
        "RESTIC_PASSWORD": repository["password"],
        "RESTIC_CACHE_DIR": "/var/cache/farol/restic",
        "RESTIC_PROGRESS_FPS": "0.016",
        # Go would take a core for each; a backup is not worth that to those it serves beside.
        "GOMAXPROCS": "2",
    }
    if repository["type"] == "s3":
        environment |= {
            "AWS_ACCESS_KEY_ID": repository["access_key"],
            "AWS_SECRET_ACCESS_KEY": repository["secret_key"],
            "AWS_DEFAULT_REGION": repository["region"],
        }
    return environment


def restic_options(repository: Mapping[str, Any]) -> list[str]:
    if repository["type"] == "s3":
        lookup = {"path": "path", "host": "dns"}[repository["uri_style"]]
        found = [
            "--option",
            f"s3.bucket-lookup={lookup}",
            "--option",
            f"s3.region={repository['region']}",
        ]
        return found + (["--cacert", repository["ca_file"]] if repository["ca_file"] else [])
    if repository["type"] == "sftp":
        key = key_file(repository["name"], "root")
        command = (
            f"ssh -i {key} -p {repository['port']} -o BatchMode=yes -o IdentitiesOnly=yes -o ServerAliveInterval=20"
            f" -o UserKnownHostsFile={KNOWN_HOSTS} {repository['user']}@{repository['host']} -s sftp"
        )
        return ["--option", f"sftp.command={command}"]
    return []


SCHEMES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "redis": "redis",
    "rediss": "redis",
}
SERVICE = "farol"


def libpq_service(url: str, database: str = "") -> str:
    """A URL as an entry of libpq's service file, so that no password is an argument or a variable."""
    parts = urlsplit(url)
    # SQLAlchemy's URLs name their driver, as in postgresql+asyncpg, and their options are the driver's.
    entry = {
        "host": parts.hostname or "",
        "port": str(parts.port or 5432),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": database or unquote(parts.path.lstrip("/")),
        **dict(parse_qsl(parts.query)),
    }
    entry.setdefault("connect_timeout", "15")
    entry.setdefault("application_name", "farol-backup")
    return f"[{SERVICE}]\n" + "".join(f"{key}={value}\n" for key, value in entry.items() if value)


def redis_arguments(url: str) -> tuple[list[str], str]:
    """Arguments for redis-cli without the password, and the password."""
    parts = urlsplit(url)
    arguments = ["-h", parts.hostname or "127.0.0.1", "-p", str(parts.port or 6379)]
    if parts.username:
        arguments += ["--user", unquote(parts.username)]
    if parts.scheme == "rediss":
        arguments.append("--tls")
    return arguments, unquote(parts.password or "")


def readable(url: str) -> bool:
    """Whether host and port can be told from user and password."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def scheme_database(url: str) -> str:
    """The database that a URL names."""
    parts = urlsplit(url)
    return unquote(parts.path.lstrip("/")) or unquote(parts.username or "")


def scheme(url: str) -> str:
    """C(postgresql) or C(redis), or nothing."""
    return SCHEMES.get(urlsplit(url).scheme.partition("+")[0], "")


def secrets(config: Mapping[str, Any]) -> list[str]:
    """What may be in no log and no message."""
    found = []
    for repository in config["repositories"]:
        found += [repository.get(key) or "" for key in ("password", "secret_key", "private_key")]
    for source in config["sources"]:
        if source.get("url"):
            password = urlsplit(source["url"]).password or ""
            found += [source["url"], password, unquote(password)]
    chat = config.get("notify") or {}
    found += [chat.get("slack_token") or "", chat.get("telegram_token") or ""]
    # A password of a letter or two would black out half of each message.
    return [text for text in found if len(text) > 3]


def names(config: Mapping[str, Any]) -> list[str]:
    return [entry["name"] for entry in [*config["clusters"], *config["sources"]]]


def entry(config: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The cluster or source of that name."""
    everything: Sequence[Mapping[str, Any]] = [*config["clusters"], *config["sources"]]
    return next((found for found in everything if found["name"] == name), None)


def is_cluster(config: Mapping[str, Any], name: str) -> bool:
    return any(cluster["name"] == name for cluster in config["clusters"])
