# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup of one source to all repositories. One that fails keeps no other from being made."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_conf,
    _backup_dump,
    _backup_records,
    _backup_watch,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import PgBackRest
from ansible_collections.farol.vps.plugins.module_utils._backup_records import (
    Backup,
    Keep,
    due_kind,
    expired,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_restic import Restic

VOLUMES = "/var/lib/docker/volumes"


def run(host: Host, name: str, kind: str = "") -> list[str]:
    """Back a source up. What was done, a line for each repository; raises C(Failed) with all that failed."""
    config = host.config
    entry = _backup_conf.entry(config, name)
    if entry is None:
        raise Failed(
            f"there is no source {name}; there are {', '.join(_backup_conf.names(config)) or 'none'}"
        )
    if not config["repositories"]:
        raise Failed(f"{name}: there is no repository to store it in; set backup_repositories")
    with host.lock(name):
        host.note(name, "running", "", backup=time.time())
        cluster = _backup_conf.is_cluster(config, name)
        try:
            done = _cluster(host, entry, kind) if cluster else _source(host, entry)
        except Failed:
            host.note(name, "running", "", backup=None)
            raise
        # Whatever else ends it leaves this behind, by which `ended` knows of it.
        host.note(name, "running", "", backup=None)
        return done


def _each(
    host: Host, name: str, store: Callable[[Mapping[str, Any]], tuple[Backup, list[Backup], str]]
) -> list[str]:
    """Store in each repository, write down how each ended, and fail where one has."""
    done, faults = [], []
    for repository in host.config["repositories"]:
        place, begun = repository["name"], time.time()
        try:
            made, there, remark = store(repository)
        except Failed as error:
            host.ended(name, "backup", place, begun, str(error))
            faults.append(str(error))
            continue
        whole = [backup for backup in there if backup.complete]
        about = {"size": made.size, "stored": made.stored, "count": len(whole), "backup": made.id}
        host.ended(name, "backup", place, begun, **about)
        line = f"{name} to {place}: {made.kind} {made.id} of {_backup_records.size(made.size)} in {time.time() - begun:.1f} s"
        done.append(line + (f"; {remark}" if remark else ""))
    if faults:
        raise Failed("\n".join(done + faults))
    return done


def held(host: Host, name: str, repository: str) -> bool:
    """Whether the last drill has failed: then nothing older is removed, for it may be the last that is good."""
    return (host.state(name).get("drill") or {}).get(repository, {}).get("ok") is False


HELD = "nothing older was removed, because the last restore drill failed"


def _cluster(host: Host, cluster: Mapping[str, Any], kind: str) -> list[str]:
    tool, name = PgBackRest(host), cluster["name"]

    def store(repository: Mapping[str, Any]) -> tuple[Backup, list[Backup], str]:
        place = repository["name"]
        there = tool.begin(name, place)
        wanted = kind or due_kind(there, host.config["full_every_days"], time.time())
        if repository["type"] == "local":
            host.need(
                f"{name} to {place}",
                repository["path"],
                _needed(there, wanted, cluster["path"]),
                "free some space, or choose another path in backup_repositories",
            )
        # What was dropped until now is made good by this backup; what is dropped from now on is not.
        _backup_watch.dropped(host, cluster)
        made, there = tool.backup(name, place, wanted, there)
        host.note(name, "archive", "", dropped=0)
        if held(host, name, place):
            return made, there, HELD
        tool.expire(name, place)
        return made, tool.backups(place, name), ""

    return _each(host, name, store)


def _needed(there: list[Backup], kind: str, path: str) -> int:
    """What a cluster's backup may take at the most, before it is known what compresses."""
    last = [backup for backup in there if backup.kind == kind]
    if kind == "full":
        return last[-1].size if last else _bytes(path)
    return (last[-1].stored or 0) if last else 0


def _bytes(path: str) -> int:
    if not os.path.isdir(path):
        return os.lstat(path).st_blocks * 512 if os.path.lexists(path) else 0
    total = 0
    for folder, _folders, files in os.walk(path):
        for file in files:
            try:
                total += os.lstat(os.path.join(folder, file)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _source(host: Host, source: Mapping[str, Any]) -> list[str]:
    name = source["name"]
    folder = f"{host.config['work_dir']}/farol-dump-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    try:
        paths, size = _collected(host, source, folder)

        def store(repository: Mapping[str, Any]) -> tuple[Backup, list[Backup], str]:
            tool, place = Restic(host, repository), repository["name"]
            with host.lock(f"restic-{place}"):
                if repository["type"] == "local":
                    # What was stored before is stored once.
                    known = (host.state(name).get("backup") or {}).get(place, {}).get("size") or 0
                    host.need(
                        f"{name} to {place}",
                        repository["path"],
                        size or max(0, sum(map(_bytes, paths)) - known),
                        "free some space, or choose another path in backup_repositories",
                    )
                made, there = tool.backup(
                    name,
                    paths,
                    source.get("exclude") or [],
                    size if source["type"] != "files" else 0,
                )
                old = expired(
                    there, Keep(**(source.get("keep") or host.config["keep"])), time.time()
                )
                if old and held(host, name, place):
                    return made, there, HELD
                tool.forget(old)
            gone = {backup.id for backup in old}
            return made, [backup for backup in there if backup.id not in gone], ""

        return _quiesced(host, source, lambda: _each(host, name, store))
    except Failed as error:
        # What fails before any repository is asked has failed for all of them.
        for repository in host.config["repositories"]:
            if str(error) and not _told(host, name, repository["name"], str(error)):
                host.ended(name, "backup", repository["name"], time.time(), str(error))
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _told(host: Host, name: str, repository: str, error: str) -> bool:
    record = (host.state(name).get("backup") or {}).get(repository, {})
    running = (host.state(name).get("running") or {}).get("backup") or 0
    return record.get("run", 0) >= running


def _collected(host: Host, source: Mapping[str, Any], folder: str) -> tuple[list[str], int]:
    if source["type"] != "files":
        paths, manifest = _backup_dump.dump(host, source, folder)
        return paths, manifest["bytes"]
    paths = places(source)
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        raise Failed(
            f"{source['name']}: {', '.join(missing)} is not there; correct paths or volumes of the source, or start what makes it"
        )
    return paths, 0


def places(source: Mapping[str, Any]) -> list[str]:
    """The paths of a source, those of Docker's volumes among them."""
    volumes = [f"{VOLUMES}/{volume}/_data" for volume in source.get("volumes") or []]
    return [*(source.get("paths") or []), *volumes]


def _quiesced(host: Host, source: Mapping[str, Any], store: Callable[[], list[str]]) -> list[str]:
    """Between the hooks of a source. The second one runs however the backup ends."""
    name = source["name"]
    faults = []
    done: list[str] = []
    try:
        if source.get("before"):
            hook(host, f"{name}: the hook before it", source["before"])
        done = store()
    except Failed as error:
        faults.append(str(error))
    try:
        if source.get("after"):
            hook(host, f"{name}: the hook after it", source["after"])
    except Failed as error:
        faults.append(str(error))
    if faults:
        raise Failed("\n".join(faults))
    return done


def hook(host: Host, what: str, command: str) -> None:
    code, out, err = host.run(
        ["/bin/sh", "-c", command], limit=host.config["hook_timeout"], umask=0o022
    )
    if code:
        raise Failed(f"{what} failed with code {code}: {host.hide((err or out).strip())[-500:]}")
