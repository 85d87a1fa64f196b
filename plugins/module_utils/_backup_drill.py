# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore into a scratch place and look at what came back: what a drill does, and what a restore does before it goes live."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_conf,
    _backup_dump,
    _backup_pgbackrest,
    _backup_records,
    _backup_scratch,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host, write
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import OWNER, PgBackRest
from ansible_collections.farol.vps.plugins.module_utils._backup_records import Backup, chosen
from ansible_collections.farol.vps.plugins.module_utils._backup_restic import Restic, below

ROOM = "free some space, or set backup_scratch_dir to a larger disk"


@dataclass
class Wanted:
    """Which data: of which host, from which repository, by name or until a moment. Empty: the newest, from the first that has one."""

    of_host: str = ""
    repository: str = ""
    backup: str = ""
    until: str = ""
    timeline: str = ""

    def moment(self) -> float | None:
        return parse_moment(self.until) if self.until else None


@dataclass
class Restored:
    """What came back."""

    backup: Backup
    data_time: float
    data_from: str
    checks: list[str] = field(default_factory=list)


def parse_moment(text: str) -> float:
    """A moment with its zone, which nobody has to guess."""
    from datetime import datetime

    try:
        found = datetime.fromisoformat(
            text.strip().replace("Z", "+00:00").replace(" UTC", "+00:00")
        )
    except ValueError:
        found = None
    if (
        found is None and len(text) > 3 and text[-3] in "+-"
    ):  # Python 3.10 wants the minutes of a zone
        return parse_moment(text + ":00")
    if found is None or found.tzinfo is None:
        raise Failed(
            f"'{text}' is no moment with a time zone; write it as in 2026-11-25T04:00:00+00:00"
        )
    return found.timestamp()


def drill(host: Host, name: str) -> dict[str, Any]:
    """Restore the newest backup of a source from each repository, and write down what came of it."""
    config = host.config
    entry = _backup_conf.entry(config, name)
    if entry is None:
        raise Failed(
            f"there is no source {name}; there are {', '.join(_backup_conf.names(config)) or 'none'}"
        )
    folder = scratch_folder(host, name)
    report: dict[str, Any] = {"source": name, "host": config["host"], "results": []}
    with host.lock(f"drill-{name}", wait=False):
        host.note(name, "running", "", drill=time.time())
        for repository in config["repositories"]:
            begun = time.time()
            result = {"repository": repository["name"], "ok": True}
            try:
                _backup_scratch.clean(folder)
                make_folder(folder)
                restored = restore_to(host, entry, folder, Wanted(repository=repository["name"]))
                if config["drill_read"] == "all":
                    verify(host, name, repository["name"], folder)
                    restored.checks.append("all backups read back")
                told = {
                    "backup": restored.backup.id,
                    "data_from": restored.data_from,
                    "checks": restored.checks,
                }
                host.ended(name, "drill", repository["name"], begun, data=restored.data_time)
                result |= told
            except Failed as error:
                host.ended(name, "drill", repository["name"], begun, str(error))
                said = host.hide(str(error)).removeprefix(f"{name} from {repository['name']}: ")
                result |= {"ok": False, "error": said.removeprefix(f"{name}: ")}
            finally:
                clean(host, name, folder)
            result["seconds"] = round(time.time() - begun, 1)
            report["results"].append(result)
        report["time"] = _backup_records.moment(time.time())
        write(f"{host.folder}/drills/{name}.json", json.dumps(report, indent=1) + "\n", 0o600)
        host.note(name, "running", "", drill=None)
    return report


def scratch_folder(host: Host, name: str) -> str:
    # It is removed whole, so its name has to be one that nobody else gives.
    return f"{host.config['scratch_dir']}/farol-drill-{name}"


def make_folder(folder: str) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # The tools of PostgreSQL run as their own user; where there is none, nobody but root has to get in.
    try:
        shutil.chown(folder, OWNER, OWNER)
    except LookupError:
        return


def clean(host: Host, name: str, folder: str) -> None:
    _backup_scratch.remove_container(host, f"farol-drill-{name}")
    _backup_scratch.clean(folder)


def verify(host: Host, name: str, repository: str, folder: str = "") -> None:
    """Read all backups back. In a drill with its C(folder), outside of which it may write nothing."""
    if _backup_conf.is_cluster(host.config, name):
        tool = _backup_pgbackrest.scratch(host, folder, "") if folder else PgBackRest(host)
        tool.verify(name, repository)
    else:
        place = next(r for r in host.config["repositories"] if r["name"] == repository)
        with host.lock(f"restic-{repository}"):
            Restic(host, place).verify()


def restore_to(
    host: Host, entry: Mapping[str, Any], folder: str, wanted: Wanted, keep: bool = False
) -> Restored:
    """Restore and check. C(keep) leaves what goes live as C(folder)/data or its like, with its settings as they were."""
    if _backup_conf.is_cluster(host.config, entry["name"]):
        return restore_cluster(host, entry, folder, wanted, keep)
    return restore_source(host, entry, folder, wanted, keep)


# Native clusters.


def restore_cluster(
    host: Host, cluster: Mapping[str, Any], folder: str, wanted: Wanted, keep: bool = False
) -> Restored:
    name = cluster["name"]
    tool = _backup_pgbackrest.scratch(host, folder, wanted.of_host)
    backup = pick_cluster(host, tool, name, wanted)
    programs = programs_for(backup, cluster, keep)
    host.need(f"{name}: restoring {backup.id}", folder, backup.size * 1.1, ROOM)
    data = f"{folder}/data"
    os.makedirs(data, mode=0o700)
    shutil.chown(data, OWNER, OWNER)
    tool.restore(name, backup, data, wanted.moment(), bool(wanted.backup), wanted.timeline)
    server = _backup_scratch.Server(host, folder, programs, data)
    try:
        server.start(safe=keep)
        restored = Restored(backup, *data_moment(server, backup))
        restored.checks = check_cluster(host, server, cluster)
    finally:
        server.stop()
    if keep:
        _backup_scratch.tidy_settings(data)
        _backup_scratch.announce_timeline(data)
    return restored


def programs_for(backup: Backup, cluster: Mapping[str, Any], live: bool) -> str:
    """The programs of the backup's own version, no other can read its files."""
    version = backup.version
    programs = f"{_backup_scratch.BINARIES}/{version}/bin"
    if not os.path.exists(f"{programs}/postgres"):
        raise Failed(
            f"{cluster['name']}: {backup.id} is of PostgreSQL {version}, which is not on this host; install postgresql-{version}"
        )
    if live and version != cluster["version"]:
        raise Failed(
            f"{cluster['name']}: {backup.id} is of PostgreSQL {version}, and the cluster here is of {cluster['version']}; "
            f"set version in backup_clusters to {version}"
        )
    return programs


def pick_cluster(host: Host, tool: PgBackRest, name: str, wanted: Wanted) -> Backup:
    names = [wanted.repository] if wanted.repository else tool.repositories
    faults = []
    for repository in names:
        if repository not in tool.repositories:
            raise Failed(
                f"there is no repository {repository}; there are {', '.join(tool.repositories)}"
            )
        try:
            tool.ask(name, repository)
            there = tool.backups(repository, name)
        except Failed as error:
            faults.append(str(error))
            continue
        backup = chosen(there, wanted.backup, None if wanted.backup else wanted.moment())
        if backup:
            return backup
        faults.append(nothing(name, repository, there, wanted, host.config["host"]))
    raise Failed("\n".join(faults))


def nothing(name: str, repository: str, there: list[Backup], wanted: Wanted, host: str) -> str:
    where = f"{name} of {wanted.of_host or host} in {repository}"
    if not there:
        return f"{where}: there is no backup; run 'farol-backup info' to see what there is"
    listed = ", ".join(
        f"{backup.id} ({_backup_records.moment(backup.time)})" for backup in there[-5:]
    )
    if wanted.backup:
        return f"{where}: there is no backup {wanted.backup}; the newest are {listed}"
    if wanted.until:
        first = next((b for b in there if b.complete), there[0])
        return f"{where}: {wanted.until} lies before the end of the oldest backup ({_backup_records.moment(first.time)}); choose a later moment"
    return f"{where}: there is no complete backup; there are {listed}"


def data_moment(server: _backup_scratch.Server, backup: Backup) -> tuple[float, str]:
    """The last transaction that came back, else the end of the backup."""
    found = server.sql("select extract(epoch from pg_last_xact_replay_timestamp())")
    moment = max(float(found), backup.time) if found else backup.time
    return moment, _backup_records.moment(moment)


def check_cluster(
    host: Host, server: _backup_scratch.Server, cluster: Mapping[str, Any]
) -> list[str]:
    found = _backup_scratch.databases(server)
    tables = 0
    for database in found:
        tables += int(server.sql("select count(*) from pg_stat_user_tables", database))
    done = [f"{len(found)} databases with {tables} tables answer"]
    if host.config["drill_amcheck"]:
        _backup_scratch.check_pages(server)
        done.append("pg_amcheck finds no damage")
    count = _backup_scratch.check_queries(server, cluster.get("checks") or [], "postgres")
    if count:
        done.append(f"{count} queries answer as expected")
    return done


# What restic has.


def restore_source(
    host: Host, source: Mapping[str, Any], folder: str, wanted: Wanted, keep: bool = False
) -> Restored:
    name = source["name"]
    tool, backup = pick_source(host, name, wanted)
    host.need(
        f"{name}: restoring {backup.id}",
        folder,
        backup.size * (2 if source["type"] == "postgresql" else 1),
        ROOM,
    )
    target = f"{folder}/files"
    tool.restore(name, backup, target)
    listed = tool.files(name, backup)
    done = [compare(name, target, listed)]
    data_time = backup.time
    if source["type"] == "files":
        missing = [path for path in listed if not os.path.lexists(below(target, path))]
        if missing:
            raise Failed(f"{name}: {missing[0]} is not in what was restored")
    else:
        manifest, dump = found_dump(name, target, listed)
        data_time = manifest["time"]
        if _backup_dump.digest(dump) != manifest["sha256"]:
            raise Failed(
                f"{name}: the dump of {backup.id} is damaged: its checksum is not the manifest's; restore an older one by its name"
            )
        done.append("the dump's checksum is right")
        if source["type"] == "redis":
            _backup_dump.check_rdb(name, dump)
            done.append("it is a whole dump of Redis")
        elif not keep:
            done += try_dump(host, source, folder, dump, manifest)
    return Restored(backup, data_time, _backup_records.moment(data_time), done)


def pick_source(host: Host, name: str, wanted: Wanted) -> tuple[Restic, Backup]:
    repositories = {repository["name"]: repository for repository in host.config["repositories"]}
    names = [wanted.repository] if wanted.repository else list(repositories)
    faults = []
    for place in names:
        if place not in repositories:
            raise Failed(f"there is no repository {place}; there are {', '.join(repositories)}")
        tool = Restic(host, repositories[place], wanted.of_host)
        try:
            tool.ask(name)
            there = tool.snapshots(name)
        except Failed as error:
            faults.append(str(error))
            continue
        backup = chosen(there, wanted.backup, wanted.moment())
        if backup:
            return tool, backup
        faults.append(nothing(name, place, there, wanted, host.config["host"]))
    raise Failed("\n".join(faults))


def compare(name: str, target: str, listed: Mapping[str, int]) -> str:
    """What was restored against what the snapshot lists; restic has compared the contents."""
    for path, size in listed.items():
        try:
            there = os.lstat(below(target, path)).st_size
        except FileNotFoundError:
            raise Failed(f"{name}: {path} is in the snapshot and was not restored") from None
        if there != size:
            raise Failed(f"{name}: {path} has {there} bytes in place of {size}")
    return f"{len(listed)} files with {_backup_records.size(sum(listed.values()))} read back and compared"


def found_dump(name: str, target: str, listed: Mapping[str, int]) -> tuple[dict[str, Any], str]:
    paths = {os.path.basename(path): below(target, path) for path in listed}
    dump = paths.get(_backup_dump.DUMP) or paths.get(_backup_dump.RDB)
    manifest = paths.get(_backup_dump.MANIFEST)
    if not dump or not manifest:
        raise Failed(
            f"{name}: the snapshot holds no dump with its manifest, but {', '.join(listed) or 'nothing'}"
        )
    with open(manifest) as handle:
        return json.load(handle), dump


def try_dump(
    host: Host, source: Mapping[str, Any], folder: str, dump: str, manifest: Mapping[str, Any]
) -> list[str]:
    """Load a dump into a scratch server and compare its rows."""
    server: _backup_scratch.Server | _backup_scratch.Container
    programs = _backup_scratch.binaries(manifest["server"] // 10000)
    image = drill_image(host, source)
    if image:
        server = _backup_scratch.Container(host, source["name"], image)
        server.start()
    elif programs:
        os.makedirs(f"{folder}/server", mode=0o700)
        shutil.chown(f"{folder}/server", OWNER, OWNER)
        server = _backup_scratch.Server(host, f"{folder}/server", programs)
        server.init()
        server.start(seconds=60)
    else:
        raise Failed(
            f"{source['name']}: there is no PostgreSQL {manifest['server'] // 10000} or newer on this host to try the dump with; "
            "set client_image of the source to an image of it, or install postgresql"
        )
    try:
        server.load(dump, manifest["database"])
        rows = _backup_scratch.check_rows(server, manifest["database"], manifest["tables"])
        done = [f"{len(manifest['tables'])} tables with {rows} rows as the manifest says"]
        if host.config["drill_amcheck"]:
            _backup_scratch.check_pages(server)
            done.append("pg_amcheck finds no damage")
        count = _backup_scratch.check_queries(
            server, source.get("checks") or [], manifest["database"]
        )
        return done + ([f"{count} queries answer as expected"] if count else [])
    finally:
        server.stop()


def drill_image(host: Host, source: Mapping[str, Any]) -> str:
    """The image to try a dump with: the one that its database runs, else the one named for its client."""
    if source.get("container"):
        code, out, _err = host.run(
            ["docker", "inspect", "--format", "{{.Config.Image}}", source["container"]]
        )
        if code == 0:
            return out.strip()
    return source.get("client_image") or ""
