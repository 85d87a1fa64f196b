# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic, for whatever is no native cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _backup_conf, _backup_records
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import ask
from ansible_collections.farol.vps.plugins.module_utils._backup_records import PARTIAL, Backup

MISSING = ("unable to open config file", "repository does not exist", "Is there a repository at")
SOME_UNREADABLE = 3
LOCKED = "already locked"


class Restic:
    """One repository, of this host or of another one."""

    def __init__(self, host: Host, repository: Mapping[str, Any], of_host: str = "") -> None:
        self.host = host
        self.repository = repository
        self.name = repository["name"]
        self.of_host = of_host or host.config["host"]
        self.env = _backup_conf.restic_environment(repository, self.of_host)

    def run(self, *arguments: str, **kwargs: Any) -> tuple[int, str, str]:
        argv = ["restic", *_backup_conf.restic_options(self.repository), *arguments]
        return self.host.run(argv, env=self.env, **kwargs)

    def check(self, what: str, *arguments: str, **kwargs: Any) -> str:
        code, out, err = self.run(*arguments, **kwargs)
        if code and LOCKED in err and self.run("unlock", limit=300)[0] == 0:
            # Only what a killed run has left is removed; one that is at work keeps its lock, and us waiting for it.
            code, out, err = self.run(*arguments, **kwargs)
        if code:
            said = err.strip() or out.strip() or f"exit code {code}"
            raise self.host.failure(f"{what}: {self.name}", said)
        return out

    def ask(self, what: str) -> None:
        ask(self.host, what, self.repository)

    def there(self) -> bool:
        """Whether there is a repository that this password opens."""
        self.ask("restic")
        # Without a limit restic asks a storage that is down for a quarter of an hour.
        code, out, err = self.run("cat", "config", "--no-lock", limit=120)
        if code and any(text in err for text in MISSING):
            return False
        if code:
            raise self.host.failure(f"restic: {self.name}", err or out)
        return True

    def prepare(self) -> bool:
        """Have a repository. Whether it was made now."""
        if self.there():
            return False
        self.check("restic", "init")
        return True

    def snapshots(self, source: str = "") -> list[Backup]:
        """None where there is no repository yet."""
        tag = ["--tag", f"source={source}"] if source else []
        code, out, err = self.run("snapshots", "--json", "--no-lock", *tag, limit=300)
        if code and any(text in err for text in MISSING):
            return []
        if code:
            raise self.host.failure(f"restic: {self.name}", err.strip() or out)
        return _backup_records.from_restic(json.loads(out or "[]"), self.name)

    def backup(
        self, source: str, paths: Sequence[str], exclude: Iterable[str] = (), size: int = 0
    ) -> tuple[Backup, list[Backup]]:
        """The new snapshot, and all of the source that are there with it."""
        what = f"{source} to {self.name}"
        self.ask(source)
        tags = ["--tag", f"source={source}", "--tag", PARTIAL]
        excluded = [f"--exclude={pattern}" for pattern in exclude]
        options = ["--json", "--host", self.of_host, "--exclude-caches", *tags, *excluded]
        code, out, err = self.run("backup", *options, "--", *paths)
        if code and any(text in err for text in MISSING):
            self.check(source, "init")
            code, out, err = self.run("backup", *options, "--", *paths)
        made = summary(out)
        if not made or code not in (0, SOME_UNREADABLE):
            raise self.host.failure(what, err.strip() or out.strip() or f"exit code {code}")
        if code == SOME_UNREADABLE:
            kept = f"{what}: kept as {made['snapshot_id'][:8]}, which is partial"
            raise self.host.failure(kept, unreadable(err))
        count = size or made["total_bytes_processed"]
        tag = ["--remove", PARTIAL, "--add", f"bytes={count}"]
        self.check(what, "tag", *tag, made["snapshot_id"])
        there = self.snapshots(source)
        whole = _backup_records.chosen(there)
        if whole is None:
            raise Failed(
                f"{what}: restic reports success, and there is no new snapshot; run 'farol-backup verify {source}'"
            )
        return whole, there

    def forget(self, backups: Sequence[Backup]) -> None:
        if backups:
            ids = [backup.id for backup in backups]
            self.check("removing what is older than wanted", "forget", "--prune", "--quiet", *ids)

    def restore(self, what: str, backup: Backup, target: str) -> None:
        self.check(what, "restore", backup.id, "--target", target, "--verify", "--no-lock")

    def files(self, what: str, backup: Backup) -> dict[str, int]:
        """Each file of a snapshot with its size."""
        out = self.check(what, "ls", "--json", "--no-lock", backup.id)
        nodes = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return {node["path"]: node.get("size", 0) for node in nodes if node.get("type") == "file"}

    def verify(self) -> None:
        """Read the data back: without it, restic looks at its index alone and calls a damaged pack good."""
        # Without a lock of restic's, for a drill may not write to a repository; the caller holds the host's.
        self.check("restic", "check", "--read-data", "--no-lock")


def summary(out: str) -> dict[str, Any] | None:
    for line in reversed(out.splitlines()):
        if line.startswith("{") and '"summary"' in line:
            found = json.loads(line)
            if found.get("message_type") == "summary" and found.get("snapshot_id"):
                return found
    return None


def unreadable(err: str) -> str:
    """What restic could not read, from its lines of JSON or of text."""
    found = []
    for line in err.splitlines():
        try:
            error = json.loads(line)
            message = error.get("error") or {}
            text = message.get("message") if isinstance(message, dict) else str(message)
            found.append(f"{error.get('item', '')} {text or ''}".strip())
        except (ValueError, AttributeError):
            found.append(line)
    return "some files could not be read: " + "\n".join(line for line in found if line)


def below(target: str, path: str) -> str:
    """Where a path of a snapshot is after it was restored to a folder."""
    return os.path.join(target, path.lstrip("/"))
