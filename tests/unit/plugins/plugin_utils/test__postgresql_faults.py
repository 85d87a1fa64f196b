# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each fault is named with the thing and the remedy; a password is in none of them."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.filter.postgresql_faults import postgresql_faults

ALONE = {
    "replicas": [],
    "addresses": {},
    "primary": {"name": "", "primary": "", "address": "", "max_connections": 100, "settings": {}},
}
GOOD = {
    "host": "db-1",
    "hosts": ["db-1", "db-2"],
    "release": "noble",
    "source": "distribution",
    "version": 16,
    "versions": [14, 15, 16, 17, 18],
    "distribution_version": 16,
    "databases": [{"name": "app", "owner": "app", "extensions": ["vector"]}],
    "users": [{"name": "app", "password": "s3cret", "databases": ["app"]}],
    "monitoring_user": "monitoring",
    "monitoring_password": "",
    "replication_user": "replication",
    "replication_password": "",
    "containers": True,
    "containers_address": "172.17.0.1",
    "container_networks": ["172.16.0.0/12"],
    "addresses": [],
    "clients": [],
    "settings": {},
    "memory_mb": 1024,
    "cores": 2,
    "max_connections": 100,
    "pgbouncer": True,
    "direct_connections": 10,
    "tls": "local_ca",
    "tls_certificate": "",
    "tls_key": "",
    "tls_ca": "",
    "primary": "",
    "cluster": ALONE,
    "reseed": "",
    "wal_mb": 1024,
}
PRIMARY = {**ALONE["primary"], "name": "db-1", "address": "10.0.0.1"}
REPLICA = {
    "host": "db-2",
    "primary": "db-1",
    "addresses": ["10.0.0.2"],
    "replication_password": "r3plica",
    "cluster": {**ALONE, "primary": {**ALONE["primary"], "name": "db-1", "address": "10.0.0.1"}},
}


def user(**more):
    return [{"name": "app", "password": "s3cret", **more}]


def test_good_options_have_no_fault():
    assert postgresql_faults(GOOD) == []
    assert postgresql_faults({**GOOD, **REPLICA}) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"version": 17}, "noble's own archive has 16, not 17; leave it empty, or set postgresql_source: pgdg"),
        ({"version": 13, "source": "pgdg"}, "13 is not known to this role, which has 14, 15"),
        ({"databases": [{"name": "app", "owner": "ap"}]}, "app: its owner ap is not in postgresql_users; did you mean app?"),
        ({"databases": [{"name": "x", "owner": "app", "pool": 0}]}, "pool is a number of connections"),
        ({"databases": [{"name": "x", "owner": "app", "pool": 90}]}, "need 103 connections, and postgresql_max_connections is 100"),
        ({"databases": GOOD["databases"] * 2}, "postgresql_databases: app is there twice"),
        ({"databases": [{"name": "postgres", "owner": "app"}]}, "postgres belongs to PostgreSQL itself"),
        ({"databases": [{"name": "My App", "owner": "app"}]}, "My App is no name; use a-z"),
        ({"release": "jammy"}, "jammy's own archive has no package for the extension vector; set postgresql_source: pgdg"),
        ({"users": user(databases=["shop"])}, "the database shop is not in postgresql_databases"),
        ({"users": [*user(), {"name": "monitoring", "password": "x"}]}, "monitoring is there twice, or is the name of a role"),
        ({"users": user(password="CHANGE-ME")}, "app: its password still holds CHANGE-ME"),
        ({"users": user(password="with space")}, "app: its password has to be of printable ASCII"),
        ({"users": user(password="")}, "app: its password has to be of printable ASCII"),
        ({"monitoring_password": "ü"}, "postgresql_monitoring_password has to be"),
        ({"addresses": ["0.0.0.0"]}, "postgresql_addresses: 0.0.0.0 is every address"),
        ({"addresses": ["8.8.8.8"]}, "8.8.8.8 is public"),
        ({"addresses": ["db"]}, "'db' is no address"),
        ({"clients": ["0.0.0.0/0"], "addresses": ["10.0.0.1"]}, "0.0.0.0/0 is everybody"),
        ({"clients": ["10.0"], "addresses": ["10.0.0.1"]}, "'10.0' is no address and no network"),
        ({"clients": ["10.0.0.9"]}, "nobody outside reaches this host without postgresql_addresses"),
        ({"settings": {"port": 1}}, "postgresql_settings: port is not set there; use postgresql_port"),
        ({"memory_mb": 100}, "100 MB are too few"),
        ({"max_connections": 5, "pgbouncer": False}, "20 at the least"),
        ({"tls": "files", "tls_certificate": "/a", "tls_ca": "/b"}, "postgresql_tls_key: missing"),
        ({"primary": "db-1"}, "db-1 cannot be the replica of itself"),
        ({"primary": "db-3"}, "there is no host db-3 in the inventory; did you mean db-"),
        ({"cluster": {**ALONE, "replicas": ["db-2"]}, "replication_password": "x"}, "replicas (db-2) cannot reach this host"),
        ({"reseed": "db-1"}, "db-1 has no postgresql_primary"),
        ({**REPLICA, "replication_password": ""}, "postgresql_replication_password, which replicas need,"),
        ({**REPLICA, "max_connections": 50}, "50 on a replica has to be as much as on its primary db-1 at the least, which has 100"),
        ({**REPLICA, "cluster": {**ALONE, "primary": {**PRIMARY, "settings": {"max_worker_processes": 9}}}},
         "max_worker_processes: 8 on a replica has to be as much"),
        ({**REPLICA, "cluster": {**ALONE, "primary": {**ALONE["primary"], "primary": "db-0"}}}, "db-1 is a replica itself, of db-0"),
        ({**REPLICA, "cluster": {**ALONE, "primary": {**ALONE["primary"], "address": "db-1.test"}}}, "has 'db-1.test'"),
    ],
)  # fmt: skip
def test_a_fault_of_the_options_is_named(wrong, said):
    faults = postgresql_faults({**GOOD, **wrong})
    assert said in "; ".join(faults)
    assert "s3cret" not in "".join(faults) and "with space" not in "".join(faults)


CLUSTER = ["/etc/postgresql/16/main/postgresql.conf", "/var/lib/postgresql/16/main/PG_VERSION"]
STANDBY = "/var/lib/postgresql/16/main/standby.signal"
HOST = ["addresses: 203.0.113.5 172.17.0.1 10.0.0.1 10.0.0.2", "free_mb:  9000"]


def test_a_good_host_has_no_fault():
    assert postgresql_faults(GOOD, HOST) == []
    assert postgresql_faults(GOOD, HOST + CLUSTER) == []
    assert postgresql_faults({**GOOD, **REPLICA}, HOST) == []
    assert postgresql_faults({**GOOD, **REPLICA}, [*HOST, *CLUSTER, STANDBY]) == []


@pytest.mark.parametrize(
    ("options", "lines", "said"),
    [
        (
            {},
            [*HOST, "/etc/postgresql/15/main/postgresql.conf"],
            "PostgreSQL 15 is installed, and 16 is wanted",
        ),
        (
            {},
            ["addresses: 203.0.113.5", "free_mb: 9000"],
            "no address 172.17.0.1, which containers would reach",
        ),
        ({"addresses": ["10.0.0.9"]}, HOST, "postgresql_addresses: it has no address 10.0.0.9"),
        ({}, [HOST[0], "free_mb: 900"], "/var/lib has 900 MB free, and PostgreSQL needs 1536 MB"),
        ({}, [*HOST, *CLUSTER, STANDBY], "it is a replica, and has no postgresql_primary"),
        (REPLICA, [*HOST, *CLUSTER], "it is to be a replica of db-1 and holds data of its own"),
        ({}, [*HOST, *CLUSTER, "fenced: db-2"], "it was fenced when db-2 was promoted"),
        (REPLICA, [*HOST, *CLUSTER, "fenced: db-3"], "it was fenced when db-3 was promoted"),
    ],
)
def test_what_stands_in_the_way_on_the_host_is_named(options, lines, said):
    assert said in "; ".join(postgresql_faults({**GOOD, **options}, lines))


def test_data_goes_only_when_it_is_told_to():
    told = {**GOOD, **REPLICA, "reseed": "db-2"}
    assert postgresql_faults(told, HOST + CLUSTER) == []
    assert postgresql_faults(told, [*HOST, *CLUSTER, "fenced: db-1"]) == []
    assert postgresql_faults({**told, "reseed": "db-1"}, HOST + CLUSTER) != []


def test_two_majors_are_no_fault_while_the_wanted_one_is_there():
    assert (
        postgresql_faults(GOOD, [*HOST, *CLUSTER, "/etc/postgresql/15/main/postgresql.conf"]) == []
    )


def test_a_check_run_does_not_miss_what_other_roles_would_bring():
    assert postgresql_faults(GOOD, ["addresses: 203.0.113.5"], check=True) == []
