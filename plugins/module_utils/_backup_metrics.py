# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of backups and drills as metrics for node_exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# name, help, key in the record
BACKUP = (
    ("farol_backup_success", "Whether the last backup succeeded.", "ok"),
    (
        "farol_backup_last_run_timestamp_seconds",
        "When the last backup ended, however it did.",
        "run",
    ),
    ("farol_backup_last_success_timestamp_seconds", "When a backup last succeeded.", "success"),
    ("farol_backup_duration_seconds", "How long the last backup took.", "seconds"),
    ("farol_backup_size_bytes", "Data in the last good backup.", "size"),
    ("farol_backup_stored_bytes", "What the last good backup takes in the storage.", "stored"),
    ("farol_backup_count", "Good backups in the storage.", "count"),
)
DRILL = (
    ("farol_drill_success", "Whether the last restore drill succeeded.", "ok"),
    (
        "farol_drill_last_run_timestamp_seconds",
        "When the last restore drill ended, however it did.",
        "run",
    ),
    (
        "farol_drill_last_success_timestamp_seconds",
        "When a restore drill last succeeded.",
        "success",
    ),
    ("farol_drill_duration_seconds", "How long the last restore drill took.", "seconds"),
    (
        "farol_drill_data_timestamp_seconds",
        "The moment of the data that was last restored in a drill.",
        "data",
    ),
)
ARCHIVE = (
    ("farol_archive_ok", "Whether WAL reaches the archive.", "ok"),
    ("farol_archive_waiting_files", "WAL segments that wait to be archived.", "waiting"),
    ("farol_archive_oldest_seconds", "Age of the oldest WAL segment that waits.", "oldest"),
    ("farol_archive_last_success_timestamp_seconds", "When WAL was last archived.", "success"),
    (
        "farol_archive_dropped",
        "Whether WAL was dropped since the last backup, to save the disk.",
        "dropped",
    ),
)


def render(source: str, state: Mapping[str, Any]) -> str:
    """All metrics of one source. What is not known yet has none, so that an alert on its absence sees it."""
    lines: list[str] = []
    for part, metrics in (("backup", BACKUP), ("drill", DRILL)):
        for name, told, key in metrics:
            values = {
                repository: record[key]
                for repository, record in sorted((state.get(part) or {}).items())
                if record.get(key) is not None
            }
            lines += family(
                name, told, [({"source": source, "repository": r}, v) for r, v in values.items()]
            )
    archive = state.get("archive") or {}
    for name, told, key in ARCHIVE:
        if archive.get(key) is not None:
            lines += family(name, told, [({"source": source}, archive[key])])
    return "".join(line + "\n" for line in lines)


def family(name: str, told: str, samples: list[tuple[dict[str, str], Any]]) -> list[str]:
    if not samples:
        return []
    head = [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
    return head + [f"{name}{{{labels(given)}}} {number(value)}" for given, value in samples]


def labels(given: Mapping[str, str]) -> str:
    return ",".join(f'{key}="{escape(value)}"' for key, value in given.items())


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
