# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health check of PostgreSQL, by psycopg where there is one and by psql elsewhere."""

from __future__ import annotations

import math
from importlib import import_module
from types import ModuleType
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._health import (
    CheckError,
    Observation,
    Probe,
    shorten,
)
from ansible_collections.farol.vps.plugins.module_utils._health_commands import Run, run_command
from ansible_collections.farol.vps.plugins.module_utils._health_sockets import host_port

QUERY = "SELECT 1"
# psql takes everything from its environment, so that no argument list shows the password.
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


def find_driver() -> ModuleType | None:
    """Return the PostgreSQL driver of this Python, if it has one."""
    for name in ("psycopg", "psycopg2"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def postgresql_probe(
    options: dict[str, Any], driver: ModuleType | None = None, run: Run = run_command
) -> Probe:
    """See whether a login succeeds and a query is answered."""
    parameters = _parameters(options)

    def look(timeout: float) -> Observation:
        # libpq counts in whole seconds and takes 1 for 2.
        limited = {**parameters, "connect_timeout": str(max(2, math.ceil(timeout)))}
        return _by_driver(driver, limited) if driver else _by_psql(run, limited, timeout)

    address = host_port(options["host"], options["port"] or 5432)
    target = f"postgresql://{options['user']}@{address}/{options['database'] or options['user']}"
    return Probe(target, f"an answer to {QUERY}", look)


def _parameters(options: dict[str, Any]) -> dict[str, str]:
    """Return the options as libpq knows them."""
    sslmode = "prefer"
    if options["tls"]:
        sslmode = "verify-full" if options["validate_certs"] else "require"
    if sslmode == "verify-full" and not options["ca_file"]:
        raise CheckError("tls needs ca_file (the authority of the server) or validate_certs: false")
    parameters = {
        "host": options["host"],
        "port": str(options["port"] or 5432),
        "user": options["user"],
        "password": options["password"],
        "dbname": options["database"] or options["user"],
        "sslmode": sslmode,
        "sslrootcert": options["ca_file"],
    }
    return {name: value for name, value in parameters.items() if value}


def _by_driver(driver: ModuleType, parameters: dict[str, str]) -> Observation:
    try:
        connection = driver.connect(**parameters)
        try:
            cursor = connection.cursor()
            cursor.execute(QUERY)
            return Observation(True, f"{QUERY} answered")
        finally:
            connection.close()
    except driver.Error as error:
        return Observation(False, _reason(str(error)))


def _by_psql(run: Run, parameters: dict[str, str], timeout: float) -> Observation:
    environment = {VARIABLES[name]: value for name, value in parameters.items()}
    done = run(["psql", "-XAtqw", "-c", QUERY], timeout, environment)
    if done.returncode == 0:
        return Observation(True, f"{QUERY} answered")
    return Observation(False, _reason(done.stderr))


def _reason(complaint: str) -> str:
    """Return the end of libpq's first line, whose start only repeats the address."""
    first = next(iter(complaint.splitlines()), "no reason given")
    return shorten(first.rpartition(" failed: ")[2].replace("psql: error: ", ""))
