# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore beside what is live, look at it as a drill does, and only then let it take the place of what is live.

What it replaces stays under another name. Any failure, and a run that was killed, ends with what was live before.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_conf,
    _backup_drill,
    _backup_dump,
    _backup_run,
    _backup_scratch,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_drill import Restored, Wanted
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host, write
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import OWNER, PgBackRest
from ansible_collections.farol.vps.plugins.module_utils._backup_restic import below
from ansible_collections.farol.vps.plugins.module_utils._backup_scratch import identifier, literal

MAINTENANCE = ("postgres", "defaultdb", "template1")
ARCHIVE_PATIENCE = 60


def restore(
    host: Host, name: str, confirm: str, wanted: Wanted, discard: bool = False
) -> dict[str, Any]:
    """What was restored, from which moment, how long it took and where what it replaced is."""
    entry = _backup_conf.entry(host.config, name)
    if entry is None:
        raise Failed(
            f"there is no source {name}; there are {', '.join(_backup_conf.names(host.config)) or 'none'}"
        )
    if confirm != name:
        raise Failed(
            f"{name} on {host.config['host']} would be replaced; confirm it by its name: confirm={name}, and not '{confirm}'"
        )
    wanted.moment()
    begun = time.time()
    with host.lock(name), host.lock(f"restore-{name}", wait=False):
        undo(host, name)
        if _backup_conf.is_cluster(host.config, name):
            restored, replaced, remark = _cluster(host, entry, wanted)
        elif entry["type"] == "files":
            restored, replaced, remark = _files(host, entry, wanted)
        elif entry["type"] == "postgresql":
            restored, replaced, remark = _database(host, entry, wanted)
        else:
            restored, replaced, remark = _redis(host, entry, wanted)
        if discard:
            replaced = _discard(host, entry, replaced)
    return {
        "source": name,
        "host": host.config["host"],
        "of_host": wanted.of_host or host.config["host"],
        "backup": restored.backup.id,
        "repository": restored.backup.repository,
        "data_from": restored.data_from,
        "seconds": round(time.time() - begun, 1),
        "checks": restored.checks,
        "replaced": replaced,
        "remark": remark,
    }


# A journal, for a run that is killed between the two renames.


def _journal(host: Host, name: str) -> str:
    return f"{host.folder}/restore-{name}.json"


def undo(host: Host, name: str) -> bool:
    """Put back what a killed run has moved away. Whether there was such a run."""
    path = _journal(host, name)
    try:
        with open(path) as handle:
            moves = json.load(handle)
    except FileNotFoundError:
        return False
    _put_back(host, moves)
    os.unlink(path)
    return True


def _put_back(host: Host, moves: Mapping[str, Any]) -> None:
    if moves.get("unit"):
        host.run(["systemctl", "stop", moves["unit"]], limit=300)
    for live, new, old in reversed(moves["paths"]):
        if os.path.lexists(old):
            if os.path.lexists(live):
                if os.path.lexists(new):
                    shutil.rmtree(new, ignore_errors=True)
                os.rename(live, new)
            os.rename(old, live)
        elif moves.get("fresh") and os.path.lexists(live) and not os.path.lexists(new):
            os.rename(live, new)
    if moves.get("unit") and not moves.get("fresh"):
        host.run(["systemctl", "start", moves["unit"]], limit=300)
    for container in moves.get("containers") or ():
        host.run(["docker", "start", container], limit=120)


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _unused(path: str) -> str:
    """Where what is replaced is kept; what an earlier restore has kept there stays."""
    found, number = path, 1
    while os.path.lexists(found):
        number += 1
        found = f"{path}-{number}"
    return found


# Native clusters.


def _cluster(host: Host, cluster: Mapping[str, Any], wanted: Wanted) -> tuple[Restored, str, str]:
    name, live = cluster["name"], cluster["path"]
    unit = f"postgresql@{cluster['version']}-{cluster['cluster']}"
    if os.path.islink(live) or os.path.ismount(live):
        raise Failed(
            f"{name}: {live} is a link or a mount, which can't be exchanged; follow docs/backups.md, restoring by hand"
        )
    if not _configured(cluster):
        raise Failed(
            f"{name}: there is no cluster {cluster['version']} {cluster['cluster']} on this host to restore into; "
            f"make one with pg_createcluster {cluster['version']} {cluster['cluster']}"
        )
    if not wanted.backup and not wanted.of_host:
        _finish_archive(host, cluster)
    folder, old = f"{live}.farol-restore", _unused(f"{live}.farol-before-{_stamp()}")
    _backup_scratch.clean(folder)
    _backup_drill.make_folder(folder)
    try:
        before = _system(host, cluster, live)
        restored = _backup_drill.restore_to(host, cluster, folder, wanted, keep=True)
        if os.listdir(f"{folder}/tablespaces"):
            raise Failed(
                f"{name}: it has tablespaces, whose places only you know; follow docs/backups.md, restoring by hand"
            )
        fresh = not os.path.isdir(live)
        moves = {"unit": unit, "fresh": fresh, "paths": [[live, f"{folder}/data", old]]}
        _exchange(host, name, moves)
        after = _system(host, cluster, live)
    finally:
        _backup_scratch.clean(folder)
    remark = _settle(host, cluster, before != after)
    return restored, "" if fresh else old, remark


def _configured(cluster: Mapping[str, Any]) -> bool:
    return os.path.exists(
        f"/etc/postgresql/{cluster['version']}/{cluster['cluster']}/postgresql.conf"
    )


def _exchange(host: Host, name: str, moves: dict[str, Any]) -> None:
    unit = moves["unit"]
    write(_journal(host, name), json.dumps(moves), 0o600)
    try:
        host.check(f"{name}: stopping {unit}", ["systemctl", "stop", unit], limit=300)
        _swap(host, moves)
        host.check(
            f"{name}: starting {unit} with the restored data",
            ["systemctl", "start", unit],
            limit=300,
        )
        cluster = _backup_conf.entry(host.config, name) or {}
        deadline = time.monotonic() + 60
        while _sql(host, cluster, "select 1")[0]:
            if time.monotonic() > deadline:
                _code, out, _err = host.run(
                    ["journalctl", "--unit", unit, "--lines=5", "--output=cat"]
                )
                raise host.failure(f"{name}: {unit} does not answer with the restored data", out)
            time.sleep(0.2)
    except (Failed, OSError) as error:
        _put_back(host, moves)
        os.unlink(_journal(host, name))
        raise Failed(f"{error}. What was live before is live again") from error
    os.unlink(_journal(host, name))


def _swap(host: Host, moves: Mapping[str, Any]) -> None:
    for live, new, old in moves["paths"]:
        if os.path.lexists(live):
            os.rename(live, old)
        try:
            os.rename(new, live)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            host.check(
                "copying what was restored", ["cp", "--archive", "--no-target-directory", new, live]
            )


def _sql(host: Host, cluster: Mapping[str, Any], query: str) -> tuple[int, str, str]:
    argv = [
        "psql",
        *_backup_scratch.FLAGS,
        f"--port={cluster['port']}",
        "--dbname=postgres",
        "--file=-",
    ]
    return host.run(argv, user=OWNER, text=query, limit=60)


def _system(host: Host, cluster: Mapping[str, Any], data: str) -> str:
    """The identifier of a cluster, by which its backups are told from another's."""
    program = f"{_backup_scratch.BINARIES}/{cluster['version']}/bin/pg_controldata"
    _code, out, _err = host.run([program, data])
    found = re.search(r"Database system identifier:\s+(\d+)", out)
    return found[1] if found else ""


def _finish_archive(host: Host, cluster: Mapping[str, Any]) -> None:
    """Have the live server archive what it has, where it still can: the newest is wanted, or a moment that may be seconds ago."""
    # Where nothing was written since the last switch, this is the first byte of a segment that nobody fills: one before it.
    code, out, _err = _sql(host, cluster, "select pg_walfile_name(pg_switch_wal() - 1)")
    segment = out.strip()
    deadline = time.monotonic() + ARCHIVE_PATIENCE
    while code == 0 and time.monotonic() < deadline:
        code, out, _err = _sql(
            host, cluster, "select coalesce(last_archived_wal, '') from pg_stat_archiver"
        )
        if out.strip() >= segment:
            return
        time.sleep(0.3)


def _settle(host: Host, cluster: Mapping[str, Any], another: bool) -> str:
    """After the data of another cluster came here, its backups are other ones than before."""
    name, tool = cluster["name"], PgBackRest(host)
    try:
        for repository in host.config["repositories"]:
            tool.prepare(name, repository["name"], upgrade=another)
    except Failed as error:
        return f"the data is live, and its backups have to be set up again: {error}"
    host.run(["systemctl", "start", "--no-block", f"farol-backup@{name}"])
    return "a new backup of it has been started"


# Files.


def _files(host: Host, source: Mapping[str, Any], wanted: Wanted) -> tuple[Restored, str, str]:
    name, stamp = source["name"], _stamp()
    paths = [path.rstrip("/") for path in _backup_run.places(source)]
    for path in paths:
        if os.path.ismount(path) or os.path.islink(path):
            raise Failed(
                f"{name}: {path} is a link or a mount, which can't be exchanged; name a folder within it"
            )
    # Beside what it replaces, so that a rename is all that is left to do.
    parent = os.path.dirname(paths[0])
    os.makedirs(parent, exist_ok=True)
    folder = f"{parent}/.farol-restore-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    try:
        restored = _backup_drill.restore_to(host, source, folder, wanted, keep=True)
        there = [path for path in paths if os.path.lexists(below(f"{folder}/files", path))]
        if not there:
            raise Failed(f"{name}: {restored.backup.id} holds none of {', '.join(paths)}")
        moves = {
            "paths": [
                [path, below(f"{folder}/files", path), _unused(f"{path}.farol-before-{stamp}")]
                for path in there
            ],
            "containers": _users(host, source),
        }
        _quiet_swap(host, source, moves)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kept = [old for _live, _new, old in moves["paths"] if os.path.lexists(old)]
    return restored, ", ".join(kept), ""


def _users(host: Host, source: Mapping[str, Any]) -> list[str]:
    """The running containers that have one of its volumes."""
    found: list[str] = []
    for volume in source.get("volumes") or []:
        _code, out, _err = host.run(
            ["docker", "ps", "--quiet", "--filter", f"volume={volume}"], limit=60
        )
        found += out.split()
    return list(dict.fromkeys(found))


def _quiet_swap(host: Host, source: Mapping[str, Any], moves: dict[str, Any]) -> None:
    name = source["name"]
    write(_journal(host, name), json.dumps(moves), 0o600)
    try:
        if source.get("before"):
            _backup_run.hook(host, f"{name}: the hook before it", source["before"])
        for container in moves["containers"]:
            host.check(f"{name}: stopping {container}", ["docker", "stop", container], limit=300)
        _swap(host, moves)
        for container in moves["containers"]:
            host.check(f"{name}: starting {container}", ["docker", "start", container], limit=300)
        if source.get("after"):
            _backup_run.hook(host, f"{name}: the hook after it", source["after"])
    except (Failed, OSError) as error:
        _put_back(host, moves)
        with suppress(Failed):
            if source.get("after"):
                _backup_run.hook(host, name, source["after"])
        os.unlink(_journal(host, name))
        raise Failed(f"{error}. What was there before is there again") from error
    os.unlink(_journal(host, name))


# Databases from dumps: loaded under another name, then both names change in one transaction.


def _database(host: Host, source: Mapping[str, Any], wanted: Wanted) -> tuple[Restored, str, str]:
    name = source["name"]
    folder = f"{host.config['work_dir']}/farol-restore-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    try:
        restored = _backup_drill.restore_to(host, source, folder, wanted, keep=True)
        listed = {
            os.path.join(root, file): 0
            for root, _folders, files in os.walk(f"{folder}/files")
            for file in files
        }
        manifest, dump = _backup_drill.found_dump(name, "/", listed)
        database = _backup_dump.Database(host, source, folder)
        main = _maintenance(database)
        target = database.database
        new, old = f"{target[:40]}_farol_new", f"{target[:40]}_before_{_stamp().lower()}"
        database.sql(f"drop database if exists {identifier(new)}", main)
        database.sql(f"create database {identifier(new)} template template0", main)
        try:
            _load(database, dump, new, bool(wanted.of_host))
            reached = _Reached(database)
            rows = _backup_scratch.check_rows(reached, new, manifest["tables"])
            restored.checks.append(
                f"{len(manifest['tables'])} tables with {rows} rows as the manifest says"
            )
            if _backup_scratch.check_queries(reached, source.get("checks") or [], new):
                restored.checks.append("its own queries answer as expected")
            replaced = _rename(database, main, target, new, old)
        except Failed:
            with suppress(Failed):
                database.sql(f"drop database if exists {identifier(new)}", main)
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return restored, replaced, ""


class _Reached(_backup_scratch.Server):
    """The questions of a drill, asked at the live server."""

    def __init__(self, database: _backup_dump.Database) -> None:
        self.host = database.host
        self.reached = database

    def sql(self, query: str, database: str = "") -> str:
        return self.reached.sql(query, database)


def _maintenance(database: _backup_dump.Database) -> str:
    """A database of the server to be in while the others change their names."""
    for name in MAINTENANCE:
        if name != database.database:
            with suppress(Failed):
                database.sql("select 1", name)
                return name
    database.sql("select 1", MAINTENANCE[0])
    return MAINTENANCE[0]


def _load(database: _backup_dump.Database, dump: str, name: str, foreign: bool) -> None:
    # On another host the roles are other ones, too.
    options = ["--exit-on-error", *(["--no-owner", "--no-privileges"] if foreign else [])]
    argv, env = database.command("pg_restore", *options, database=name, stdin=True)
    with open(dump, "rb") as handle:
        code, _out, err = database.host.run(argv, env=env, stdin=handle)
    if code:
        raise database.host.failure(
            f"{database.name}: loading the dump failed, and nothing was replaced", err
        )


def _rename(database: _backup_dump.Database, main: str, target: str, new: str, old: str) -> str:
    there = database.sql(f"select 1 from pg_database where datname = {literal(target)}", main)
    both = f"{literal(target)}, {literal(new)}"
    query = f"select pg_terminate_backend(pid) from pg_stat_activity where datname in ({both}) and pid <> pg_backend_pid();\nbegin;\n"
    if there:
        query += f"alter database {identifier(target)} rename to {identifier(old)};\n"
    query += f"alter database {identifier(new)} rename to {identifier(target)};\ncommit;\n"
    for attempt in range(5):
        try:
            database.sql(query, main)
            break
        except Failed:
            # Somebody was back before the names had changed.
            if attempt == 4:
                raise
            time.sleep(0.5)
    return old if there else ""


def _redis(host: Host, source: Mapping[str, Any], wanted: Wanted) -> tuple[Restored, str, str]:
    folder = f"{host.folder}/restored/{source['name']}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    restored = _backup_drill.restore_to(host, source, folder, wanted, keep=True)
    listed = {
        os.path.join(root, file): 0
        for root, _folders, files in os.walk(f"{folder}/files")
        for file in files
    }
    _manifest, dump = _backup_drill.found_dump(source["name"], "/", listed)
    os.rename(dump, f"{folder}/{_backup_dump.RDB}")
    shutil.rmtree(f"{folder}/files")
    remark = (
        f"the dump is {folder}/{_backup_dump.RDB}: stop Redis, switch appendonly off, put it in the place of its dump.rdb with the same owner, "
        "start it, and switch appendonly on again with CONFIG SET"
    )
    return restored, "", remark


def _discard(host: Host, entry: Mapping[str, Any], replaced: str) -> str:
    """Remove what was replaced, now that what took its place has passed its checks."""
    for old in filter(None, replaced.split(", ")):
        if entry.get("type") == "postgresql":
            folder = f"{host.config['work_dir']}/farol-restore-{entry['name']}"
            os.makedirs(folder, mode=0o700, exist_ok=True)
            try:
                database = _backup_dump.Database(host, entry, folder)
                database.sql(f"drop database {identifier(old)}", _maintenance(database))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            shutil.rmtree(old)
    return ""
