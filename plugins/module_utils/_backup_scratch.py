# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of our own, to restore into: on a private socket, without a network, with archiving off.

Nothing of it is the live cluster's: neither configuration nor port, socket, data or archive.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._backup_host import (
    Failed,
    Host,
    _as_user,
    _environment,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import OWNER

BINARIES = "/usr/lib/postgresql"
PORT = 5432  # of a socket in a folder of its own
# On the command line, where nothing that was restored can override it.
ISOLATED = {
    "archive_mode": "off",
    "archive_command": "/bin/false",
    "listen_addresses": "",
    "hot_standby": "off",
    "primary_conninfo": "",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "external_pid_file": "",
    "ssl": "off",
    "autovacuum": "off",
    "max_prepared_transactions": "200",
    "max_connections": "30",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "port": str(PORT),
    "cluster_name": "farol-scratch",
}
LEFT_BY_RESTORE = re.compile(
    r"^\s*(restore_command|recovery_target\w*|archive_mode)\s*=|^# (Recovery settings|Removed) "
)


def binaries(at_least: int = 0) -> str:
    """The programs of the oldest installed PostgreSQL that takes data of a version; empty where there is none."""
    found = {
        int(os.path.basename(os.path.dirname(p))): p
        for p in glob.glob(f"{BINARIES}/*/bin")
        if os.path.exists(f"{p}/initdb")
    }
    fitting = [version for version in found if version >= at_least]
    return found[min(fitting)] if fitting else ""


class Server:
    """In C(folder), which belongs to the user postgres: data, socket, log."""

    def __init__(self, host: Host, folder: str, programs: str, data: str = "") -> None:
        self.host = host
        self.folder = folder
        self.programs = programs
        self.data = data or f"{folder}/data"
        self.log = f"{folder}/log.txt"
        self.socket = f"{folder}/socket"
        self.process: subprocess.Popen[bytes] | None = None

    def init(self) -> None:
        options = [
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        argv = [f"{self.programs}/initdb", *options, f"--pgdata={self.data}"]
        self.host.check("the scratch server", argv, user=OWNER)

    def start(self, safe: bool = False, seconds: float = 0) -> None:
        """Until it takes writes, recovery included; C(safe) where the data is to be kept."""
        os.makedirs(self.socket, exist_ok=True)
        settings = {
            **ISOLATED,
            "unix_socket_directories": self.socket,
            "fsync": "on" if safe else "off",
        }
        for name, text in (
            ("postgresql.conf", ""),
            ("pg_hba.conf", "local all all trust\n"),
            ("pg_ident.conf", ""),
        ):
            with open(f"{self.folder}/{name}", "w") as handle:
                handle.write(text)
        settings |= {
            "config_file": f"{self.folder}/postgresql.conf",
            "hba_file": f"{self.folder}/pg_hba.conf",
            "ident_file": f"{self.folder}/pg_ident.conf",
            "data_directory": self.data,
        }
        for name in ("socket", "postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
            shutil.chown(f"{self.folder}/{name}", OWNER, OWNER)
        argv = [f"{self.programs}/postgres", "-D", self.data]
        argv += [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(OWNER),
                start_new_session=True,
                **_as_user(OWNER),
            )
        self.wait(seconds or self.host.config["recovery_timeout"])

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            code, out, _err = self.run(
                "psql",
                "--command=select pg_is_in_recovery()",
                *FLAGS,
                "--dbname=template1",
                limit=30,
            )
            if code == 0 and out.strip() == "f":
                return
            if self.process.poll() is not None:
                raise self.host.failure("the scratch server", self.said() or "it ended")
            if time.monotonic() > deadline:
                raise Failed(
                    f"the scratch server has not recovered within {seconds:g} s ({self.said()}); raise backup_recovery_timeout"
                )
            time.sleep(0.1)

    def said(self) -> str:
        with suppress(OSError), open(self.log, errors="replace") as handle:
            lines = [
                line
                for line in handle.read().splitlines()
                if re.search(r"FATAL|PANIC|ERROR", line) and "accepting connections" not in line
            ]
            return "\n".join(lines[-4:])
        return ""

    def run(self, program: str, *arguments: str, **kwargs: Any) -> tuple[int, str, str]:
        argv = [f"{self.programs}/{program}", f"--host={self.socket}", f"--port={PORT}", *arguments]
        return self.host.run(argv, user=OWNER, **kwargs)

    def sql(self, query: str, database: str = "postgres") -> str:
        code, out, err = self.run("psql", *FLAGS, f"--dbname={database}", "--file=-", text=query)
        if code:
            raise self.host.failure(f"in the restored {database}", err)
        return out.strip()

    def load(self, dump: str, database: str) -> None:
        self.sql(f"create database {identifier(database)}")
        with open(dump, "rb") as handle:
            options = ["--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={database}"]
            code, _out, err = self.run("pg_restore", *options, stdin=handle)
        if code:
            raise self.host.failure(f"loading the dump of {database}", err)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(30)


FLAGS = ("--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1")


class Container:
    """The same in a container without a network, from the image that the live database runs."""

    def __init__(self, host: Host, name: str, image: str) -> None:
        self.host = host
        self.name = f"farol-drill-{name}"
        self.image = image

    def start(self) -> None:
        remove_container(self.host, self.name)
        password = secrets.token_hex(12)
        argv = [
            "docker",
            "run",
            "--detach",
            "--name",
            self.name,
            "--network",
            "none",
            "--label",
            "farol.drill",
        ]
        argv += ["--env", "POSTGRES_PASSWORD", "--memory", "1g", self.image]
        self.host.check("the scratch container", argv, env={"POSTGRES_PASSWORD": password})
        deadline = time.monotonic() + 60
        # The image starts a server for its set-up first, on the socket alone.
        while self.host.run(self._argv("pg_isready", "--host=127.0.0.1"))[0]:
            if time.monotonic() > deadline:
                _code, out, err = self.host.run(["docker", "logs", "--tail", "5", self.name])
                raise self.host.failure("the scratch container is not ready within 60 s", out + err)
            time.sleep(0.2)

    def _argv(self, *command: str) -> list[str]:
        return ["docker", "exec", "-i", self.name, *command]

    def sql(self, query: str, database: str = "postgres") -> str:
        argv = self._argv("psql", "--username=postgres", *FLAGS, f"--dbname={database}", "--file=-")
        code, out, err = self.host.run(argv, text=query)
        if code:
            raise self.host.failure(f"in the restored {database}", err)
        return out.strip()

    def load(self, dump: str, database: str) -> None:
        self.sql(f"create database {identifier(database)}")
        with open(dump, "rb") as handle:
            options = [
                "--no-owner",
                "--no-privileges",
                "--exit-on-error",
                "--username=postgres",
                f"--dbname={database}",
            ]
            code, _out, err = self.host.run(self._argv("pg_restore", *options), stdin=handle)
        if code:
            raise self.host.failure(f"loading the dump of {database}", err)

    def run(self, program: str, *arguments: str, **kwargs: Any) -> tuple[int, str, str]:
        return self.host.run(self._argv(program, "--username=postgres", *arguments), **kwargs)

    def stop(self) -> None:
        remove_container(self.host, self.name)


def identifier(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def remove_container(host: Host, name: str) -> None:
    host.run(["docker", "rm", "--force", "--volumes", name])


def databases(server: Server | Container) -> list[str]:
    return server.sql(
        "select datname from pg_database where datallowconn and datname <> 'template1' order by 1"
    ).splitlines()


def check_pages(server: Server | Container) -> None:
    """pg_amcheck over all databases; its extension is left where it was and nowhere else."""
    ours = []
    for database in databases(server):
        if (
            server.sql("select count(*) from pg_extension where extname = 'amcheck'", database)
            == "0"
        ):
            server.sql("create extension amcheck", database)
            ours.append(database)
    code, out, err = server.run("pg_amcheck", "--all", "--jobs=2")
    for database in ours:
        server.sql("drop extension amcheck", database)
    if code:
        raise Failed(
            f"pg_amcheck finds damage in the restored data: {server.host.hide((out + err).strip())[-800:]}"
        )


def check_rows(server: Server | Container, database: str, tables: Mapping[str, int]) -> int:
    """The rows of each table against the manifest of the dump. Their number."""
    if not tables:
        return 0
    # In one question, each table's name as a literal.
    parts = [f"select {literal(name)} as t, count(*) as n from only {name}" for name in tables]
    query = "select t || E'\\t' || n from (" + " union all ".join(parts) + ") as counts"
    found = dict(line.rsplit("\t", 1) for line in server.sql(query, database).splitlines())
    wrong = [
        f"{name} has {found.get(name, 'no')} rows in place of {rows}"
        for name, rows in tables.items()
        if str(rows) != found.get(name)
    ]
    if wrong:
        raise Failed(
            f"the restored {database} differs from the manifest of its dump: {'; '.join(wrong)}"
        )
    return sum(tables.values())


def check_queries(
    server: Server | Container, checks: Sequence[Mapping[str, Any]], default: str
) -> int:
    """A user's own questions, each of which has to be answered with true, or a number that is not 0."""
    for check in checks:
        database = check.get("database") or default
        answer = server.sql(check["query"], database)
        if answer.lower() not in ("t", "true") and not re.fullmatch(r"[1-9]\d*", answer):
            raise Failed(
                f"in the restored {database} '{check['query']}' answers {answer or 'nothing'!r}, and true was expected"
            )
    return len(checks)


def tidy_settings(data: str) -> None:
    """Take out of the restored settings what the restore has put there: a server that goes live has archiving as its
    configuration says."""
    path = f"{data}/postgresql.auto.conf"
    with open(path) as handle:
        lines = handle.readlines()
    kept = [line for line in lines if not LEFT_BY_RESTORE.search(line)]
    with open(path, "w") as handle:
        handle.writelines(kept)


def announce_timeline(data: str) -> None:
    """Have the live server archive the history of its new timeline: it was begun while archiving was off."""
    wal = f"{data}/pg_wal"
    for name in os.listdir(wal):
        if name.endswith(".history"):
            ready = f"{wal}/archive_status/{name}.ready"
            if not os.path.exists(f"{wal}/archive_status/{name}.done"):
                with open(ready, "w"):
                    pass
                shutil.chown(ready, OWNER, OWNER)


def clean(folder: str) -> None:
    """End what runs in a scratch folder, killed or not, and remove it."""
    if not os.path.isdir(folder):
        return
    marker = f"{folder}/".encode()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        running = [pid for pid in _processes(marker) if pid != os.getpid()]
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not running:
            break
        time.sleep(0.1)
    for _try in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.2)
    raise Failed(f"{folder} can't be removed; remove it by hand")


def _processes(marker: bytes) -> list[int]:
    """Those of the user postgres, or of root, that were started in the folder."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with suppress(OSError), open(path, "rb") as handle:
            line = handle.read()
            if marker in line and (b"postgres" in line or b"pgbackrest" in line):
                found.append(int(path.split("/")[2]))
    return found
