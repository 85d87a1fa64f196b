# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of the role backup: completed, checked, and as the files that the host reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _backup_conf as conf

REPOSITORY = {
    "path": "/farol",
    "region": "us-east-1",
    "uri_style": "path",
    "ca_file": "",
    "port": 22,
}
CLUSTER = {"cluster": "main", "port": 5432, "archive": True, "checks": []}
NEEDED = {
    "s3": ("bucket", "endpoint", "access_key", "secret_key"),
    "sftp": ("host", "user", "private_key", "host_key"),
    "local": ("path",),
}
POSTGRES_IMAGES = ("postgres", "postgis", "pgvector", "timescaledb")


def complete(settings: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, Any]:
    """The options with every key, as farol-backup reads them."""
    kept = {key: settings[key] for key in ("keep_full", "keep_diff")}
    return {
        **{key: value for key, value in settings.items() if key not in (*kept, "schedule")},
        "pgbackrest_version": versions["pgbackrest"],
        "restic_version": versions["restic"],
        "keep": _keep(settings["keep"]),
        "repositories": [{**REPOSITORY, **kept, **given} for given in settings["repositories"]],
        "clusters": [
            _cluster(given, settings["schedule"], versions) for given in settings["clusters"]
        ],
        "sources": [_source(given, settings["schedule"]) for given in settings["sources"]],
    }


def _keep(given: Mapping[str, Any]) -> dict[str, int]:
    return {"last": 3, "daily": 7, "weekly": 4, "monthly": 6, **given}


def _cluster(
    given: Mapping[str, Any], schedule: str, versions: Mapping[str, str]
) -> dict[str, Any]:
    found = {
        **CLUSTER,
        "version": versions["postgresql"],
        "schedule": schedule,
        **{key: value for key, value in given.items() if value not in (None, "")},
    }
    found["path"] = (
        given.get("path") or f"/var/lib/postgresql/{found['version']}/{found['cluster']}"
    )
    found["unit"] = f"postgresql@{found['version']}-{found['cluster']}"
    # A reload is enough for all but the first time.
    ask = f'runuser -u postgres -- psql -XAtq -p {found["port"]} -c "show archive_mode" postgres'
    found["restart"] = f'[ "$({ask})" = on ] || systemctl restart {found["unit"]} || exit 1;'
    return found


def _source(given: Mapping[str, Any], schedule: str) -> dict[str, Any]:
    found = {"schedule": schedule, **{k: v for k, v in given.items() if v not in (None, "")}}
    if "keep" in found:
        found["keep"] = _keep(found["keep"])
    return found


def files(config: Mapping[str, Any]) -> dict[str, str]:
    """Each file of the host with its content."""
    shown = {**config, "clusters": [_plain(cluster) for cluster in config["clusters"]]}
    found = {"etc/farol/backup.json": json.dumps(shown, indent=1, sort_keys=True) + "\n"}
    if config["clusters"] and config["repositories"]:
        found[conf.PGBACKREST_CONFIG.lstrip("/")] = conf.pgbackrest_conf(config)
    known = conf.known_hosts(config)
    if known:
        found[conf.KNOWN_HOSTS.lstrip("/")] = known
    for repository in config["repositories"]:
        if repository["type"] == "sftp":
            key = repository["private_key"].strip() + "\n"
            for user in ("root", "postgres")[: 2 if config["clusters"] else 1]:
                found[conf.key_file(repository["name"], user).lstrip("/")] = key
    return found


def _plain(cluster: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cluster.items() if key not in ("unit", "restart")}


def faults(settings: Mapping[str, Any], versions: Mapping[str, str]) -> list[str]:
    """One line for each fault, without the value of any secret."""
    found = []
    names = [entry["name"] for entry in (*settings["clusters"], *settings["sources"])]
    for name in [*names, *(repository["name"] for repository in settings["repositories"])]:
        if not conf.NAME.fullmatch(name):
            found.append(
                f"'{name}' is no name for a source or a repository; use lower-case letters, digits, - and _"
            )
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"backup_clusters and backup_sources: {name} is there twice; rename one")
    for repository in settings["repositories"]:
        found += _repository_faults(repository, bool(settings["clusters"]), versions)
    for source in settings["sources"]:
        found += [f"backup_sources: {source['name']}: {fault}" for fault in _source_faults(source)]
    places = [repository["name"] for repository in settings["repositories"]]
    if len(set(places)) < len(places):
        found.append("backup_repositories: a name is there twice; rename one")
    for where in (settings, *settings["repositories"]):
        if where.get("keep_full") is not None and where["keep_full"] < 1:
            found.append("backup_keep_full: at least one full backup has to stay; use 1 or more")
    found += _place_faults(settings, versions)
    if names and not places:
        found.append(
            "there is something to back up, and nowhere to store it; set backup_repositories"
        )
    return found


def _place_faults(settings: Mapping[str, Any], versions: Mapping[str, str]) -> list[str]:
    """What has to stay may not be where dumps and drills are."""
    kept = [path for source in settings["sources"] for path in source.get("paths") or []]
    kept += [_cluster(cluster, "", versions)["path"] for cluster in settings["clusters"]]
    kept += [r["path"] for r in settings["repositories"] if r["type"] == "local" and r.get("path")]
    return [
        f"backup_{key}: {settings[key]} is emptied again and again, and {path} is in it; give it a folder of its own"
        for key in ("work_dir", "scratch_dir")
        for path in kept
        if _within(path, settings[key])
    ]


def _within(path: str, folder: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _repository_faults(
    repository: Mapping[str, Any], clusters: bool, versions: Mapping[str, str]
) -> list[str]:
    where, kind = f"backup_repositories: {repository['name']}", repository["type"]
    found = [f"{where}: type {kind} needs {key}" for key in NEEDED[kind] if not repository.get(key)]
    if len(repository["password"]) < 12:
        found.append(f"{where}: password is shorter than 12 characters; use a long random one")
    if any(character in repository["password"] for character in "\n#"):
        found.append(
            f"{where}: password holds a line's end or a #, which pgBackRest takes for its end"
        )
    if kind != "s3" and not repository.get("path", "/").startswith("/"):
        found.append(f"{where}: path has to begin with /")
    if "://" in (repository.get("endpoint") or ""):
        found.append(f"{where}: endpoint is a host without https://")
    if kind == "sftp" and clusters and conf.version(versions["pgbackrest"]) < conf.SFTP:
        found.append(
            f"{where}: pgBackRest {versions['pgbackrest']} of this distribution has no SFTP; "
            "use s3 or a mounted folder for hosts with backup_clusters"
        )
    return found


def _source_faults(source: Mapping[str, Any]) -> list[str]:
    kind, url = source["type"], source.get("url") or ""
    if kind == "files":
        if not source.get("paths") and not source.get("volumes"):
            return ["type files needs paths or volumes"]
        wrong = [
            path for path in source.get("paths") or [] if not path.startswith("/") or path == "/"
        ]
        return [f"{path} has to be an absolute path below /" for path in wrong]
    if bool(url) == bool(source.get("container")):
        return [f"type {kind} needs either url or container"]
    if url and not conf.readable(url):
        return [
            "its url can't be read; user and password have to be encoded, @ as %40 and / as %2F"
        ]
    if url and conf.scheme(url) != kind:
        return [f"its url is no {kind}:// URL"]
    if kind == "postgresql" and not (source.get("database") or (url and conf.scheme_database(url))):
        return ["database is missing"]
    return []


def sources_of_apps(apps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the applications hold that has to be backed up."""
    found: list[dict[str, Any]] = []
    for app in apps:
        for name, accessory in (app.get("accessories") or {}).items():
            image = str(accessory.get("image", "")).rsplit("/", 1)[-1].split(":")[0].split("@")[0]
            if image not in POSTGRES_IMAGES:
                continue
            env = accessory.get("env") or {}
            user = env.get("POSTGRES_USER", "postgres")
            found.append(
                {
                    "name": f"{app['name']}-{name}",
                    "type": "postgresql",
                    "container": f"{app['name']}-accessories-{name}-1",
                    "user": user,
                    "database": env.get("POSTGRES_DB", user),
                }
            )
        backup = app.get("backup") or {}
        if backup.get("volumes"):
            found.append(
                {
                    "name": f"{app['name']}-volumes",
                    "type": "files",
                    "volumes": [f"farol-{app['name']}-{volume}" for volume in backup["volumes"]],
                    **({"before": backup["before"]} if backup.get("before") else {}),
                }
            )
    return found
