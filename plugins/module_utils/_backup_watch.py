# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch the archive: WAL that does not get there fills the disk, or is lost."""

from __future__ import annotations

import glob
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import OWNER
from ansible_collections.farol.vps.plugins.module_utils._backup_records import size
from ansible_collections.farol.vps.plugins.module_utils._backup_scratch import FLAGS

LOGS = "/var/log/pgbackrest"
QUERY = (
    "select coalesce(extract(epoch from last_archived_time), 0), coalesce(last_archived_wal, ''), "
    "coalesce(extract(epoch from last_failed_time), 0) from pg_stat_archiver"
)
# As pgBackRest reads sizes: every unit is a power of 1024.
SIZE = re.compile(r"(\d+)([bkmgtp])?(i?b)?", re.IGNORECASE)
DROPPED = re.compile(r"dropped WAL file '(\w+)' because archive queue exceeded")


def watch(host: Host, cluster: Mapping[str, Any], now: float, logs: str = LOGS) -> list[str]:
    """What is wrong with a cluster's archive; nothing where all is well."""
    name = cluster["name"]
    faults = []
    waiting = _waiting(cluster["path"])
    oldest = max((now - since for since, _bytes in waiting), default=0)
    if sum(size for _since, size in waiting) > bytes_of(host.config["archive_queue_max"]):
        _end_push(host, name)
    lost = dropped(host, cluster, logs)
    argv = ["psql", *FLAGS, f"--port={cluster['port']}", "--dbname=postgres", f"--command={QUERY}"]
    code, out, err = host.run(argv, user=OWNER, limit=30)
    about: dict[str, Any] = {"waiting": len(waiting), "oldest": round(oldest)}
    if code:
        faults.append(str(host.failure(name, err)))
    else:
        archived = float(out.split("|")[0])
        about["success"] = archived or None
    limit = host.config["archive_behind_seconds"]
    if oldest > limit:
        faults.append(
            f"{name}: {len(waiting)} WAL segments wait to be archived, the oldest for {oldest:.0f} s{_cause(name, logs)}; "
            f"at {host.config['archive_queue_max']} they are dropped, and no moment after that can be restored until the next backup"
        )
    if lost:
        faults.append(
            f"{name}: {lost} WAL segments were dropped, since they did not reach the archive and would have filled the disk: "
            f"the moments between then and the next backup can't be restored. Mend the storage, and run 'farol-backup run {name}'"
        )
    with suppress(OSError):
        free = shutil.disk_usage(cluster["path"]).free
        if waiting and free < host.config["min_free_mb"] * 1024 * 1024:
            faults.append(
                f"{name}: {size(free)} are free where WAL waits to be archived; free some space"
            )
    host.note(name, "archive", "", ok=not faults, dropped=lost, error="; ".join(faults), **about)
    return faults


def _waiting(data: str) -> list[tuple[float, int]]:
    """Since when, and how large, for each segment that is not in the archive yet."""
    found = []
    for path in glob.glob(f"{data}/pg_wal/archive_status/*.ready"):
        segment = os.path.basename(path)[: -len(".ready")]
        with suppress(FileNotFoundError):
            found.append((os.stat(path).st_mtime, _length(f"{data}/pg_wal/{segment}")))
    return found


def _length(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def bytes_of(text: str) -> int:
    """A size as pgBackRest takes it, such as C(4GiB) or C(64m)."""
    found = SIZE.fullmatch(text.strip())
    if not found:
        raise Failed(f"archive_queue_max: {text} is no size; write it like 4GiB")
    return int(found[1]) * 1024 ** "bkmgtp".index((found[2] or "b").lower())


def _end_push(host: Host, name: str) -> None:
    """pgBackRest looks at the queue when a push begins. One that tries each segment at a storage which is down lasts longer the more there are."""
    pattern = f"pgbackrest .*--stanza={re.escape(name)} (.* )?archive-push:async"
    host.run(["pkill", "--full", "--", pattern], user=OWNER, limit=10)


def dropped(host: Host, cluster: Mapping[str, Any], logs: str = LOGS) -> int:
    """WAL segments that pgBackRest dropped since the last backup. It says so to PostgreSQL's log, or to its own."""
    name = cluster["name"]
    state = host.state(name).get("archive") or {}
    known, count = state.get("read") or {}, state.get("dropped") or 0
    read = {}
    server = f"/var/log/postgresql/postgresql-{cluster['version']}-{cluster['cluster']}.log"
    for path in (f"{logs}/{name}-archive-push-async.log", server):
        with suppress(FileNotFoundError), open(path, "rb") as handle:
            place = known.get(path, 0)
            # A log that was rotated begins anew.
            handle.seek(place if place <= os.fstat(handle.fileno()).st_size else 0)
            count += len(DROPPED.findall(handle.read().decode(errors="replace")))
            read[path] = handle.tell()
    host.note(name, "archive", "", read=read)
    return count


def _cause(name: str, logs: str) -> str:
    with (
        suppress(FileNotFoundError),
        open(f"{logs}/{name}-archive-push-async.log", errors="replace") as handle,
    ):
        errors = [
            line.strip() for line in handle.readlines()[-200:] if "ERROR" in line or "WARN" in line
        ]
        if errors:
            return f" ({errors[-1][-300:]})"
    return ""


def watch_all(host: Host) -> None:
    faults = []
    for cluster in host.config["clusters"]:
        faults += watch(host, cluster, time.time())
    if faults:
        raise Failed("\n".join(faults))
