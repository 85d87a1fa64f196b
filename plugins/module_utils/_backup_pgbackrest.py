# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pgBackRest, run as the user who owns the clusters."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _backup_conf, _backup_records
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host, write
from ansible_collections.farol.vps.plugins.module_utils._backup_records import Backup
from ansible_collections.farol.vps.plugins.module_utils._backup_s3 import complaint

OWNER = "postgres"
QUIET = ("--log-level-console=off", "--log-level-stderr=error")
# The code it exits with where another of its runs holds the lock, and how long to wait for that one to end, in seconds.
LOCKED = 50
PATIENCE = 60.0
# `verify` tells what it found, and exits with 0 all the same; before this version it has no option to say it in one word.
VERIFY_OUTPUT = (2, 40)
BAD_COUNTS = re.compile(
    r"(missing|checksum invalid|size invalid|other): [1-9]|error", re.IGNORECASE
)


class PgBackRest:
    """Of this host, or of another host's backups with a configuration file of its own."""

    def __init__(self, host: Host, config_file: str = _backup_conf.PGBACKREST_CONFIG) -> None:
        self.host = host
        self.config_file = config_file
        self.repositories = [repository["name"] for repository in host.config["repositories"]]

    def argv(self, *arguments: str) -> list[str]:
        return ["pgbackrest", f"--config={self.config_file}", *arguments]

    def run(self, *arguments: str, **kwargs: Any) -> tuple[int, str, str]:
        return self.host.run(self.argv(*arguments), user=OWNER, **kwargs)

    def check(self, what: str, *arguments: str, patience: float = 0.0) -> str:
        end = time.monotonic() + patience
        code, out, err = self.run(*arguments)
        while code == LOCKED and time.monotonic() < end:
            time.sleep(1)
            code, out, err = self.run(*arguments)
        if code:
            raise self.host.failure(what, f"{err}\n{out}")
        return out

    def number(self, repository: str) -> int:
        return self.repositories.index(repository) + 1

    def ask(self, what: str, repository: str) -> None:
        ask(self.host, what, self.host.config["repositories"][self.number(repository) - 1])

    def info(self, repository: str = "", stanza: str = "") -> list[dict[str, Any]]:
        options = [f"--repo={self.number(repository)}"] if repository else []
        options += [f"--stanza={stanza}"] if stanza else []
        out = self.check("pgbackrest info", *options, "--output=json", *QUIET, "info")
        try:
            # With another password, what it could not read is in the message as it stands: control characters and all.
            return json.loads(out or "[]", strict=False)
        except ValueError:
            raise self.host.failure("pgbackrest info", out) from None

    def backups(self, repository: str = "", stanza: str = "") -> list[Backup]:
        return self._of(self.info(repository, stanza), repository)

    def _of(self, info: list[dict[str, Any]], repository: str) -> list[Backup]:
        found = _backup_records.from_pgbackrest(info, self.repositories)
        return [backup for backup in found if not repository or backup.repository == repository]

    def prepare(self, cluster: str, repository: str, upgrade: bool = False) -> bool:
        """Have a place for the cluster in the repository. Whether it was made now."""
        self.ask(f"{cluster} in {repository}", repository)
        return self._settle(cluster, repository, self.info(repository, cluster), upgrade)

    def probe(self, repository: str) -> None:
        """Read what is there with the password. That there is nothing yet is no fault."""
        self.ask("probe", repository)
        info = self.info(repository)
        for cluster in self.host.config["clusters"]:
            fault = _backup_records.stanza_fault(info, cluster["name"], self.number(repository))
            if fault and not fault.startswith("missing stanza"):
                raise self.host.failure(f"{cluster['name']} in {repository}", fault)

    def _settle(
        self, cluster: str, repository: str, info: list[dict[str, Any]], upgrade: bool
    ) -> bool:
        what = f"{cluster} in {repository}"
        fault = _backup_records.stanza_fault(info, cluster, self.number(repository))
        if not fault and not upgrade:
            return False
        if fault and not fault.startswith("missing stanza"):
            raise self.host.failure(what, fault)
        # Neither of them takes the number of a repository in every version; what is there already stays.
        # The server archives already, and as long as that finds no place, its attempts hold the lock by turns.
        verb = "stanza-create" if fault else "stanza-upgrade"
        self.check(what, f"--stanza={cluster}", verb, patience=PATIENCE)
        return True

    def begin(self, cluster: str, repository: str) -> list[Backup]:
        """What is there before a backup, for which there is a place then."""
        self.ask(f"{cluster} to {repository}", repository)
        info = self.info(repository, cluster)
        self._settle(cluster, repository, info, upgrade=False)
        return self._of(info, repository)

    def backup(
        self, cluster: str, repository: str, kind: str, before: list[Backup]
    ) -> tuple[Backup, list[Backup]]:
        """The new backup, and all that are there with it."""
        what = f"{cluster} to {repository}"
        options = [f"--stanza={cluster}", f"--repo={self.number(repository)}", f"--type={kind}"]
        self.check(what, *options, "backup")
        known = {backup.id for backup in before}
        there = self.backups(repository, cluster)
        made = [backup for backup in there if backup.id not in known]
        if not made:
            raise Failed(
                f"{what}: pgbackrest reports success, and there is no new backup; look at /var/log/pgbackrest"
            )
        if not made[-1].complete:
            raise Failed(
                f"{what}: {made[-1].id} has {made[-1].note}, so the database itself is damaged; nothing older was removed. "
                "Run pg_amcheck, restore to a moment before the damage, and look at the disk"
            )
        return made[-1], there

    def expire(self, cluster: str, repository: str) -> None:
        what = f"{cluster} in {repository}: removing what is older than wanted"
        self.check(what, f"--stanza={cluster}", f"--repo={self.number(repository)}", "expire")

    def verify(self, cluster: str, repository: str) -> None:
        """Read everything back. The exit code says nothing, so the words have to."""
        what = f"{cluster} in {repository}"
        options = [f"--stanza={cluster}", f"--repo={self.number(repository)}"]
        if _backup_conf.version(self.host.config["pgbackrest_version"]) >= VERIFY_OUTPUT:
            code, out, err = self.run(*options, "--output=text", "--verbose", *QUIET, "verify")
            good = code == 0 and re.search(r"^\s*status: ok\s*$", out, re.MULTILINE)
        else:
            code, out, err = self.run(*options, "--log-level-console=info", "verify")
            good = code == 0 and not BAD_COUNTS.search(re.sub(r"log-level\S*error\S*", "", out))
        if not good:
            telling = "\n".join(
                line
                for line in f"{out}\n{err}".splitlines()
                if BAD_COUNTS.search(line) or "invalid" in line
            )
            raise self.host.failure(
                f"{what}: verify", f"the backup is damaged: invalid checksum\n{telling}"
            )

    def restore(
        self,
        cluster: str,
        backup: Backup,
        data: str,
        until: float | None = None,
        exactly: bool = False,
        timeline: str = "",
    ) -> None:
        """Into a folder of its own, with archiving off whatever happens."""
        options = [
            f"--stanza={cluster}",
            f"--repo={self.number(backup.repository)}",
            f"--set={backup.id}",
            f"--pg1-path={data}",
            "--archive-mode=off",
            f"--tablespace-map-all={os.path.dirname(data)}/tablespaces",
        ]
        if until is not None:
            options += ["--type=time", f"--target={target(until)}", "--target-action=promote"]
        elif exactly:
            options += ["--type=immediate", "--target-action=promote"]
        if timeline:
            options.append(f"--target-timeline={timeline}")
        processes = self.host.config["restore_processes"]
        self.check(
            f"{cluster} from {backup.repository}", *options, f"--process-max={processes}", "restore"
        )


def target(moment: float) -> str:
    """A moment as pgBackRest and PostgreSQL both read it."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def ask(host: Host, what: str, repository: Mapping[str, Any]) -> None:
    """Fail with the cause where the storage lets nobody in."""
    if repository["type"] == "s3":
        said = complaint(repository)
        if said:
            raise host.failure(f"{what}: {repository['name']}", said)
    if repository["type"] == "local" and not os.path.isdir(repository["path"]):
        raise Failed(
            f"{what}: {repository['name']}: {repository['path']} is not there; mount it, or run the role backup"
        )


def scratch(host: Host, folder: str, of_host: str) -> PgBackRest:
    """pgBackRest with locks, logs and spool of its own, which knows nothing of the live cluster."""
    path = f"{folder}/pgbackrest.conf"
    own = {
        "lock-path": f"{folder}/lock",
        "spool-path": f"{folder}/spool",
        "log-path": f"{folder}/log",
        "log-level-file": "off",
    }
    write(path, _backup_conf.pgbackrest_conf(host.config, of_host, own, clusters=False), 0o600)
    for name in ("lock", "spool", "log", "tablespaces"):
        os.makedirs(f"{folder}/{name}", mode=0o700, exist_ok=True)
    for name in ("", "lock", "spool", "log", "tablespaces", "pgbackrest.conf"):
        shutil.chown(f"{folder}/{name}", OWNER, OWNER)
    return PgBackRest(host, path)
