"""PostgreSQL checks, over complaints recorded from libpq 15."""

from __future__ import annotations

import sys
from subprocess import CompletedProcess
from types import SimpleNamespace

import pytest
from ansible_collections.farol.vps.plugins.module_utils._health import CheckError
from ansible_collections.farol.vps.plugins.module_utils._health_postgresql import (
    find_driver,
    postgresql_probe,
)

TO = 'connection to server at "127.0.0.1", port 5432 failed: '
COMPLAINTS = [
    (
        f'{TO}FATAL:  password authentication failed for user "api"\n',
        'FATAL: password authentication failed for user "api"',
    ),
    (
        f"{TO}Connection refused\n\tIs the server running on that host and accept TCP/IP?\n",
        "Connection refused",
    ),
    (
        f"{TO}server does not support SSL, but SSL was required\n",
        "server does not support SSL, but SSL was required",
    ),
    (
        'could not translate host name "nope.invalid" to address: Name or service not known\n',
        'could not translate host name "nope.invalid" to address: Name or service not known',
    ),
    ("", "no reason given"),
]


def options(**given):
    defaults = {
        "host": "127.0.0.1",
        "port": None,
        "user": "api",
        "password": "s3cret",
        "database": None,
        "tls": False,
        "ca_file": None,
        "validate_certs": True,
    }
    return {**defaults, **given}


def psql(stdout="1\n", stderr="", returncode=0):
    def run(argv, timeout, environment):
        run.argv, run.timeout, run.environment = argv, timeout, environment
        return CompletedProcess(argv, returncode, stdout, stderr)

    return run


class Driver:
    """The part of psycopg and psycopg2 that both share."""

    class Error(Exception):
        pass

    def __init__(self, complaint=None):
        self.complaint = complaint
        self.log = []

    def connect(self, **parameters):
        self.parameters = parameters
        if self.complaint is not None:
            raise self.Error(self.complaint)
        cursor = SimpleNamespace(execute=self.log.append)
        return SimpleNamespace(cursor=lambda: cursor, close=lambda: self.log.append("close"))


def test_psql_gets_the_password_by_its_environment_alone():
    run = psql()

    assert postgresql_probe(options(), run=run).look(0.5) == (True, "SELECT 1 answered", False)
    assert run.argv == ["psql", "-XAtqw", "-c", "SELECT 1"]
    assert run.timeout == 0.5
    assert run.environment == {
        "PGHOST": "127.0.0.1",
        "PGPORT": "5432",
        "PGUSER": "api",
        "PGPASSWORD": "s3cret",
        "PGDATABASE": "api",
        "PGSSLMODE": "prefer",
        "PGCONNECT_TIMEOUT": "2",
    }


@pytest.mark.parametrize(("complaint", "seen"), COMPLAINTS)
def test_psql_that_gets_nowhere(complaint, seen):
    run = psql("", f"psql: error: {complaint}" if complaint else "", 2)

    assert postgresql_probe(options(), run=run).look(5) == (False, seen, False)


def test_a_driver_takes_the_place_of_psql():
    driver = Driver()

    assert postgresql_probe(options(password=None, database="shop"), driver).look(4.2).ok
    assert driver.log == ["SELECT 1", "close"]
    assert driver.parameters == {
        "host": "127.0.0.1",
        "port": "5432",
        "user": "api",
        "dbname": "shop",
        "sslmode": "prefer",
        "connect_timeout": "5",
    }


@pytest.mark.parametrize(("complaint", "seen"), COMPLAINTS)
def test_a_driver_that_gets_nowhere(complaint, seen):
    assert postgresql_probe(options(), Driver(complaint)).look(5) == (False, seen, False)


def test_tls():
    def environment(**given):
        run = psql()
        postgresql_probe(options(tls=True, **given), run=run).look(5)
        return run.environment

    verified = environment(ca_file="/etc/ca.pem")
    assert (verified["PGSSLMODE"], verified["PGSSLROOTCERT"]) == ("verify-full", "/etc/ca.pem")
    assert environment(validate_certs=False)["PGSSLMODE"] == "require"
    with pytest.raises(CheckError) as caught:
        environment()
    assert str(caught.value) == (
        "tls needs ca_file (the authority of the server) or validate_certs: false"
    )


def test_the_target_shows_no_password():
    probe = postgresql_probe(options(host="::1", port=5433, database="shop"))

    assert probe[:2] == ("postgresql://api@[::1]:5433/shop", "an answer to SELECT 1")


def test_the_driver_of_this_python(tmp_path, monkeypatch):
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)
    assert find_driver() is None

    (tmp_path / "psycopg2.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "psycopg2")
    assert find_driver().__name__ == "psycopg2"
