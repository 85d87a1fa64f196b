# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of databases that are no native cluster: in a container, or anywhere that has a URL.

A dump is written to a file, read through to its end, and described in a manifest before restic sees it: so a dump that
failed half-way is never a backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from typing import IO, Any, cast

from ansible_collections.farol.vps.plugins.module_utils import _backup_conf
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host, write

EOF_MARK = 40
DUMP, RDB, MANIFEST = "database.dump", "dump.rdb", "manifest.json"
COMPRESSES = (
    0,
    14,
)  # restic compresses by itself since then, and finds more that is the same in what is not compressed
COPY = re.compile(rb"COPY (\S.*?) (?:\(.*\) )?FROM stdin;\n")


class Database:
    """A PostgreSQL database by its URL or in a container, and the commands that reach it."""

    def __init__(self, host: Host, source: Mapping[str, Any], folder: str) -> None:
        self.host = host
        self.source = source
        self.name = source["name"]
        self.folder = folder
        self.container = source.get("container") or ""
        self.user = source.get("user") or "postgres"
        self.database = source.get("database") or ""
        if not self.container:
            self.database = self.database or _backup_conf.scheme_database(source["url"])
            write(
                f"{folder}/service", _backup_conf.libpq_service(source["url"], self.database), 0o600
            )

    def command(
        self, program: str, *arguments: str, database: str = "", stdin: bool = False
    ) -> tuple[list[str], dict[str, str]]:
        """A program of PostgreSQL with its environment, connected to the database, or to another one of its server."""
        target = database or self.database
        if self.container:
            flags = ["-i"] if stdin else []
            login = ["--username", self.user]
            login += ["--dbname", target] if program != "pg_dump" else []
            last = [target] if program == "pg_dump" else []
            return [
                "docker",
                "exec",
                *flags,
                self.container,
                program,
                *login,
                *arguments,
                *last,
            ], {}
        env = {"PGSERVICEFILE": f"{self.folder}/service", "PGSERVICE": _backup_conf.SERVICE}
        # A database in the environment would lose against the service file's.
        login = ["--dbname", f"service={_backup_conf.SERVICE} dbname={quoted(target)}"]
        image = self.source.get("client_image") or ""
        if not image:
            return [program, "--no-password", *login, *arguments], env
        passed = [part for key, value in env.items() for part in ("--env", f"{key}={value}")]
        base = [
            "docker",
            "run",
            "--rm",
            "--interactive",
            "--network",
            "host",
            "--user",
            "0:0",
            "--volume",
            f"{self.folder}:{self.folder}",
        ]
        return [
            *base,
            *passed,
            "--entrypoint",
            program,
            image,
            "--no-password",
            *login,
            *arguments,
        ], {}

    def sql(self, query: str, database: str = "") -> str:
        flags = [
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--file",
            "-",
        ]
        argv, env = self.command("psql", *flags, database=database, stdin=True)
        return self.host.check(self.name, argv, env=env, text=query).strip()

    def bytes(self) -> int:
        return int(self.sql("select pg_database_size(current_database())"))

    def dump(self, path: str, compress: int) -> None:
        argv, env = self.command("pg_dump", "--format=custom", f"--compress={compress}")
        with open_private(path) as handle:
            code, _out, err = self.host.run(argv, env=env, stdout=handle)
        if code:
            raise self.host.failure(
                f"{self.name}: pg_dump failed, so nothing was stored", err or f"exit code {code}"
            )

    def rows(self, path: str) -> dict[str, int]:
        """Rows of each table in a dump, by reading all of it."""
        if self.container:
            argv: list[str] = [
                "docker",
                "exec",
                "-i",
                self.container,
                "pg_restore",
                "--data-only",
                "--file=-",
            ]
        elif self.source.get("client_image"):
            argv = [
                "docker",
                "run",
                "--rm",
                "-i",
                "--entrypoint",
                "pg_restore",
                self.source["client_image"],
                "--data-only",
                "--file=-",
            ]
        else:
            argv = ["pg_restore", "--data-only", "--file=-"]
        with open(path, "rb") as dump:
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv, stdin=dump, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
            )
            tables, cut_off = counted(cast(IO[bytes], process.stdout))
            said = cast(IO[bytes], process.stderr).read().decode(errors="replace")
            code = process.wait()
        if cut_off and not code:
            raise Failed(
                f"{self.name}: the dump ends within the rows of {cut_off}, so nothing was stored; look at the disk of backup_work_dir"
            )
        if code:
            raise self.host.failure(
                f"{self.name}: the dump can't be read back, so nothing was stored",
                said or f"exit code {code}",
            )
        return tables


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def counted(lines: Iterable[bytes]) -> tuple[dict[str, int], str]:
    """Rows of each COPY in the text that pg_restore makes of a dump, and the table within which the text ends."""
    tables: dict[str, int] = {}
    name = None
    count = 0
    for line in lines:
        if name is not None:
            if line == b"\\.\n":
                tables[name] = tables.get(name, 0) + count
                name = None
            else:
                count += 1
        elif line.startswith(b"COPY "):
            match = COPY.fullmatch(line)
            if match:
                name, count = match[1].decode(), 0
    return tables, name or ""


def open_private(path: str) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def digest(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def dump(host: Host, source: Mapping[str, Any], folder: str) -> tuple[list[str], dict[str, Any]]:
    """Dump a database into a folder. The files to store, and the manifest, which is one of them."""
    kind = source["type"]
    begun = time.time()
    if kind == "postgresql":
        path, about = _postgresql(host, source, folder)
    else:
        path, about = _redis(host, source, folder)
    manifest = {
        "source": source["name"],
        "type": kind,
        "host": host.config["host"],
        "time": begun,
        "bytes": os.path.getsize(path),
        "sha256": digest(path),
        **about,
    }
    write(f"{folder}/{MANIFEST}", json.dumps(manifest, indent=1, sort_keys=True) + "\n", 0o600)
    return [path, f"{folder}/{MANIFEST}"], manifest


def _postgresql(host: Host, source: Mapping[str, Any], folder: str) -> tuple[str, dict[str, Any]]:
    database = Database(host, source, folder)
    host.need(
        source["name"],
        folder,
        database.bytes(),
        "free some space, or set backup_work_dir to a larger disk",
    )
    path = f"{folder}/{DUMP}"
    own = _backup_conf.version(host.config["restic_version"]) >= COMPRESSES
    database.dump(path, 0 if own else 6)
    server = database.sql("show server_version_num")
    return path, {
        "database": database.database,
        "server": int(server),
        "tables": database.rows(path),
    }


def _redis(host: Host, source: Mapping[str, Any], folder: str) -> tuple[str, dict[str, Any]]:
    name, path = source["name"], f"{folder}/{RDB}"
    url = source.get("url") or "redis://127.0.0.1"
    arguments, password = _backup_conf.redis_arguments(url)
    env = {"REDISCLI_AUTH": password} if password else {}
    base = ["redis-cli", *arguments]
    if source.get("container"):
        base = [
            "docker",
            "exec",
            *(["--env", "REDISCLI_AUTH"] if password else []),
            source["container"],
            "redis-cli",
        ]
    base.append("--no-auth-warning")
    code, out, err = host.run([*base, "INFO", "memory"], env=env, limit=60)
    used = re.search(r"used_memory:(\d+)", out)
    if code or not used:
        raise host.failure(
            name, f"{err} {out}".strip() or f"Could not connect to Redis: exit code {code}"
        )
    host.need(
        name, folder, int(used[1]), "free some space, or set backup_work_dir to a larger disk"
    )
    with open_private(path) as handle:
        code, _out, err = host.run([*base, "--rdb", "-"], env=env, stdout=handle)
    if "until EOF marker" in err:
        # A server that does not know the length beforehand sends a mark after it, which redis-cli takes off files alone.
        os.truncate(path, max(0, os.path.getsize(path) - EOF_MARK))
    check_rdb(name, path, code, err)
    return path, {}


def check_rdb(name: str, path: str, code: int = 0, err: str = "") -> None:
    """Whether a file is a dump of Redis, whole: it begins with its name and ends with the mark of its end and a checksum."""
    with open(path, "rb") as handle:
        head = handle.read(5)
        length = handle.seek(0, os.SEEK_END)
        handle.seek(max(0, length - 9))
        tail = handle.read(9)
    if code or head != b"REDIS" or len(tail) < 9 or tail[0] != 0xFF:
        raise Failed(
            f"{name}: Redis did not send a whole dump, so nothing was stored ({err.strip() or f'{length} bytes'})"
        )
