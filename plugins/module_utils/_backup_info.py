# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the storage of a host's backups, and how their last runs ended."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_conf,
    _backup_pgbackrest,
    _backup_records,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import PgBackRest
from ansible_collections.farol.vps.plugins.module_utils._backup_records import Backup
from ansible_collections.farol.vps.plugins.module_utils._backup_restic import Restic


def collect(
    host: Host, source: str, of_host: str, now: float, storage: bool = True
) -> dict[str, Any]:
    """All backups, what each source has at the newest, and what kept a repository from answering.

    Without C(storage), only what the host has written down of its own runs.
    """
    config = host.config
    names = _backup_conf.names(config)
    if source and source not in names:
        raise Failed(f"there is no source {source}; there are {', '.join(names) or 'none'}")
    backups: list[Backup] = []
    faults: list[str] = []
    folder = ""
    try:
        tool = PgBackRest(host)
        if of_host and config["clusters"]:
            folder = tempfile.mkdtemp(prefix="farol-backup-info-")
            tool = _backup_pgbackrest.scratch(host, folder, of_host)
        for repository in config["repositories"] if storage else ():
            place = repository["name"]
            try:
                if config["clusters"]:
                    tool.ask("info", place)
                    backups += tool.backups(place)
                if config["sources"]:
                    restic = Restic(host, repository, of_host)
                    restic.ask("info")
                    backups += restic.snapshots()
            except Failed as error:
                faults.append(str(error))
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    wanted = [backup for backup in backups if not source or backup.source == source]
    sources = {
        name: summary(host, name, [b for b in wanted if b.source == name], now)
        for name in ([source] if source else names)
    }
    return {
        "backups": [backup.as_dict(now) for backup in wanted],
        "sources": sources,
        "faults": faults,
    }


def summary(host: Host, name: str, backups: list[Backup], now: float) -> dict[str, Any]:
    """The newest whole backup of a source in each repository, and how its last backup and drill ended."""
    state = host.state(name)
    found = {}
    for repository in host.config["repositories"]:
        place = repository["name"]
        here = [backup for backup in backups if backup.repository == place]
        newest = _backup_records.chosen(here)
        run = (state.get("backup") or {}).get(place) or {}
        drill = (state.get("drill") or {}).get(place) or {}
        found[place] = {
            "count": len([backup for backup in here if backup.complete]),
            "incomplete": len([backup for backup in here if not backup.complete]),
            "newest": newest.as_dict(now) if newest else None,
            "last_run_ok": run.get("ok"),
            "last_error": run.get("error") or "",
            "drill_ok": drill.get("ok"),
            "drill_age": round(now - drill["success"]) if drill.get("success") else None,
            "drill_error": drill.get("error") or "",
        }
    return found


def overdue(sources: dict[str, Any], limit: float) -> list[str]:
    """Sources whose newest whole backup is older than C(limit) seconds, or missing."""
    found = []
    for name, places in sorted(sources.items()):
        for place, about in sorted(places.items()):
            newest = about["newest"]
            if newest is None:
                found.append(
                    f"{name} in {place}: there is no whole backup{_why(about)}; run 'farol-backup run {name}' on the host"
                )
            elif newest["age"] > limit:
                found.append(
                    f"{name} in {place}: the newest whole backup is {_backup_records.age(newest['age'])} old{_why(about)}; "
                    f"run 'farol-backup run {name}' on the host"
                )
    return found


def _why(about: dict[str, Any]) -> str:
    return f" ({about['last_error']})" if about["last_error"] else ""
