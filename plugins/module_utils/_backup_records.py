# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the storage, from what the tools say of it, and what of that may go. Decides, and touches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

DAY = 86400
PARTIAL = "partial"  # the tag of a snapshot until restic has said that nothing is missing in it
PARTIAL_DAYS = 7


@dataclass(frozen=True)
class Backup:
    """One backup of one source in one repository. C(time) is the moment at which it was whole."""

    source: str
    repository: str
    id: str
    kind: str
    time: float
    size: int
    stored: int | None = None
    seconds: float = 0
    complete: bool = True
    note: str = ""
    version: str = ""

    def as_dict(self, now: float) -> dict[str, Any]:
        return {
            **asdict(self),
            "when": moment(self.time),
            "age": max(0, round(now - self.time)),
        }


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_pgbackrest(info: Iterable[Mapping[str, Any]], repositories: list[str]) -> list[Backup]:
    """Backups in C(pgbackrest info --output=json); C(repositories) are their names in the order of their numbers."""
    found = []
    for stanza in info:
        versions = {(db["repo-key"], db["id"]): str(db["version"]) for db in stanza.get("db") or []}
        for backup in stanza.get("backup") or []:
            key = backup["database"]["repo-key"]
            if key > len(repositories):
                continue
            sizes = backup["info"]
            times = backup["timestamp"]
            bad = bool(backup.get("error"))
            found.append(
                Backup(
                    source=stanza["name"],
                    repository=repositories[key - 1],
                    id=backup["label"],
                    kind=backup["type"],
                    time=float(times["stop"]),
                    seconds=float(times["stop"] - times["start"]),
                    size=sizes["size"],
                    # With repo-block a backup has no size of its own in the storage, only what it added.
                    stored=sizes["repository"].get("size", sizes["repository"].get("delta")),
                    complete=not bad,
                    note="pages with wrong checksums" if bad else "",
                    version=versions.get((key, backup["database"]["id"]), ""),
                )
            )
    return sorted(found, key=lambda backup: backup.time)


def stanza_fault(info: Iterable[Mapping[str, Any]], name: str, number: int) -> str:
    """What keeps a stanza's repository from being of use, in pgBackRest's words; empty where nothing does."""
    for stanza in info:
        if stanza["name"] == name:
            for repository in stanza.get("repo") or []:
                if repository["key"] == number:
                    status = repository["status"]
                    # 2: the stanza is there and has no backup yet.
                    return "" if status["code"] in (0, 2) else str(status["message"])
    return "missing stanza path"


def wal_range(info: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """First and last WAL segment in each repository."""
    return [
        {
            "repository": archive["database"]["repo-key"],
            "first": archive["min"],
            "last": archive["max"],
        }
        for stanza in info
        if stanza["name"] == name
        for archive in stanza.get("archive") or []
    ]


TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def restic_time(text: str) -> float:
    match = TIME.fullmatch(text)
    if not match:
        raise ValueError(f"restic's time {text!r} is not one")
    zone = "+00:00" if match[3] == "Z" else match[3]
    return datetime.fromisoformat(match[1] + zone).timestamp() + float(match[2] or 0)


def from_restic(snapshots: Iterable[Mapping[str, Any]] | None, repository: str) -> list[Backup]:
    """Snapshots in C(restic snapshots --json) that carry the tag of a source."""
    found = []
    for snapshot in snapshots or []:
        tags = dict(tag.partition("=")[::2] for tag in snapshot.get("tags") or [])
        if "source" not in tags:
            continue
        begun = restic_time(snapshot["time"])
        summary = snapshot.get("summary") or {}
        ended = restic_time(summary["backup_end"]) if "backup_end" in summary else begun
        partial = PARTIAL in tags
        found.append(
            Backup(
                source=tags["source"],
                repository=repository,
                id=snapshot["id"][:8],
                kind="snapshot",
                time=begun,
                seconds=ended - begun,
                size=int(tags.get("bytes") or summary.get("total_bytes_processed", 0)),
                stored=summary.get("data_added_packed"),
                complete=not partial,
                note="files are missing in it, or its run was killed" if partial else "",
            )
        )
    return sorted(found, key=lambda backup: backup.time)


@dataclass(frozen=True)
class Keep:
    """How many snapshots stay: the newest ones, and the last of each day, week and month."""

    last: int = 3
    daily: int = 7
    weekly: int = 4
    monthly: int = 6


def expired(backups: Iterable[Backup], keep: Keep, now: float) -> list[Backup]:
    """Snapshots of one source in one repository that may go.

    Only what is whole counts, so that bad runs evict nothing good; the newest whole one always stays. A partial one goes
    after a week, and only when a whole one came after it.
    """
    ordered = sorted(backups, key=lambda backup: backup.time, reverse=True)
    whole = [backup for backup in ordered if backup.complete]
    if not whole:
        return []
    staying = {backup.id for backup in whole[: max(1, keep.last)]}
    for count, form in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        periods: dict[str, str] = {}
        for backup in whole:
            period = datetime.fromtimestamp(backup.time, timezone.utc).strftime(form)
            periods.setdefault(period, backup.id)
        staying |= set(list(periods.values())[:count])
    return [
        backup
        for backup in ordered
        if (backup.complete and backup.id not in staying)
        or (
            not backup.complete
            and backup.time < whole[0].time
            and now - backup.time > PARTIAL_DAYS * DAY
        )
    ]


def due_kind(backups: Iterable[Backup], full_every_days: float, now: float) -> str:
    """C(full) where there is none, or the last good one is too old; C(diff) otherwise."""
    fulls = [backup.time for backup in backups if backup.kind == "full" and backup.complete]
    # An hour of grace, since a random delay moves each run.
    if not fulls or now - max(fulls) > full_every_days * DAY - 3600:
        return "full"
    return "diff"


def chosen(backups: Iterable[Backup], name: str = "", until: float | None = None) -> Backup | None:
    """The backup to restore: by its name (or the beginning of it), else the newest whole one (until a moment)."""
    ordered = sorted(backups, key=lambda backup: backup.time)
    if name:
        named = [backup for backup in ordered if backup.id.startswith(name)]
        return named[-1] if len({backup.id for backup in named}) == 1 else None
    whole = [b for b in ordered if b.complete and (until is None or b.time <= until)]
    return whole[-1] if whole else None


def table(backups: Iterable[Mapping[str, Any]]) -> str:
    """Backups as C(as_dict) gives them, as a table, the newest first."""
    header = ("source", "repository", "backup", "kind", "when", "age", "size", "stored", "state")
    rows = [header]
    for backup in sorted(backups, key=lambda b: (b["source"], b["repository"], -b["time"])):
        rows.append(
            (
                backup["source"],
                backup["repository"],
                backup["id"],
                backup["kind"],
                backup["when"],
                age(backup["age"]),
                size(backup["size"]),
                "" if backup["stored"] is None else size(backup["stored"]),
                "complete" if backup["complete"] else backup["note"],
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in rows
    )


def age(seconds: float) -> str:
    for unit, length in (("d", DAY), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
