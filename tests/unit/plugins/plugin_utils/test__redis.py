# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from hashlib import sha256

import pytest
from ansible_collections.farol.vps.plugins.filter.redis_faults import redis_faults
from ansible_collections.farol.vps.plugins.filter.redis_replicas import redis_replicas
from ansible_collections.farol.vps.plugins.plugin_utils._redis import acl

ADMIN = "a" * 64
CACHE = {"name": "cache", "port": 6379, "kind": "cache", "maxmemory": "256mb"}
QUEUE = {"name": "queue", "port": 6380, "kind": "queue", "maxmemory": "1gb"}
APP = {"name": "app", "password": "s3cret"}
GOOD = {
    "host": "db-1",
    "hosts": ["db-1", "db-2"],
    "server": "redis",
    "release": "noble",
    "releases": {"jammy": "6.0", "noble": "7.0"},
    "instances": [CACHE, QUEUE],
    "users": [{**APP, "instances": ["cache"], "keys": ["app:*"]}],
    "monitoring_password": "",
    "monitoring_keys": [],
    "memory_mb": 2048,
    "containers": True,
    "containers_address": "172.17.0.1",
    "addresses": [],
    "clients": [],
    "primary": "",
    "primary_address": "",
    "replicas": {},
    "replication_password": "",
}


def named(lines):
    return {line.split()[1]: line for line in lines}


def test_nobody_gets_in_without_a_name_and_no_password_is_written():
    lines = acl([APP], "cache", "7.0", ADMIN, monitoring="w4tch", replication="r3plica")
    assert lines[0] == "user default off resetkeys resetchannels -@all"
    assert named(lines)["farol"] == f"user farol on #{ADMIN} ~* &* +@all"
    assert f"#{sha256(b's3cret').hexdigest()}" in named(lines)["app"]
    written = "\n".join(lines)
    assert not any(secret in written for secret in ("s3cret", "w4tch", "r3plica"))
    assert list(named(lines)) == ["default", "farol", "monitoring", "replication", "app"]


def test_an_application_works_on_data_and_not_on_the_server():
    app = named(acl([APP], "cache", "7.0", ADMIN))["app"]
    assert app.endswith("~* &* -@all +@all -@admin -@dangerous +info +sort +flushdb")


def test_older_servers_get_the_rules_that_they_know():
    lines = "\n".join(acl([APP], "cache", "6.0", ADMIN, "w", "r"))
    assert "channels" not in lines and "&*" not in lines
    assert "+client|setname" in lines


def test_a_user_is_known_where_it_is_wanted():
    users = [{**APP, "instances": ["cache"], "keys": ["app:*", "shared:*"], "commands": "+@read"}]
    assert named(acl(users, "cache", "7.0", ADMIN))["app"].endswith(
        "~app:* ~shared:* &* -@all +@read"
    )
    assert "app" not in named(acl(users, "queue", "7.0", ADMIN))


def test_the_exporter_sees_no_data():
    rules = named(acl([], "cache", "7.0", ADMIN, monitoring="w"))["monitoring"].split()
    assert "resetkeys" in rules and not {"+@all", "+@read", "+get", "+type"} & set(rules)
    # What is in every one of these would stop clients, or tell the password of a replica.
    assert not {"+@connection", "+client", "+config", "+config|get"} & set(rules)


def test_the_exporter_may_count_what_is_in_a_queue():
    lines = acl([], "queue", "7.0", ADMIN, monitoring="w", monitoring_keys=["celery", "rq:*"])
    rules = named(lines)["monitoring"].split()
    assert rules[4:8] == ["resetkeys", "~celery", "~rq:*", "resetchannels"]
    assert {"+type", "+llen"} < set(rules) and "+lrange" not in rules


def test_good_options_have_no_fault():
    assert redis_faults(GOOD) == []
    replica = {"primary": "db-2", "primary_address": "10.0.0.2", "replication_password": "r"}
    assert redis_faults({**GOOD, **replica}) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"server": "valkey", "releases": {"trixie": "8.1"}}, "noble has no valkey, which is in trixie"),
        ({"instances": [CACHE, {**QUEUE, "port": 6379}]}, "two have the port 6379"),
        ({"instances": [CACHE, {**QUEUE, "name": "cache"}]}, "two have the name cache"),
        ({"instances": [{**CACHE, "name": "Cache"}]}, "Cache is no name"),
        ({"instances": [{**CACHE, "name": "server"}]}, "server is no name"),
        ({"instances": [{**CACHE, "port": 80}]}, "port 80 is not between"),
        ({"instances": [{**CACHE, "maxmemory": "lots"}]}, "maxmemory lots is no size"),
        ({"instances": [{**CACHE, "maxmemory": "4gb"}]}, "4096 MB together, and the host has 2048 MB"),
        ({"users": [APP, APP]}, "app is there twice"),
        ({"users": [{**APP, "name": "default"}]}, "default is taken"),
        ({"users": [{**APP, "password": "CHANGE-ME"}]}, "app: its password still holds CHANGE-ME"),
        ({"users": [{**APP, "password": "a b"}]}, "printable ASCII"),
        ({"users": [{**APP, "instances": ["cahce"]}]}, "the instance cahce is not in redis_instances; did you mean cache?"),
        ({"users": [{**APP, "keys": ["a b"]}]}, "'a b' is no pattern"),
        ({"users": [{**APP, "commands": "all"}]}, "all is no rule on commands"),
        ({"monitoring_password": "ü"}, "redis_monitoring_password has to be"),
        ({"monitoring_keys": ["a b"]}, "redis_monitoring_keys: 'a b' is no pattern"),
        ({"addresses": ["8.8.8.8"]}, "redis_addresses: 8.8.8.8 is public"),
        ({"clients": ["10.0.0.9"]}, "redis_clients: nobody outside reaches this host"),
        ({"primary": "db-1"}, "db-1 cannot be the replica of itself"),
        ({"primary": "db-9"}, "there is no host db-9"),
        ({"primary": "db-2", "primary_address": "10.0.0.2"}, "redis_replication_password"),
        ({"replicas": {"db-2": "10.0.0.2"}, "replication_password": "r"}, "replicas (db-2) cannot reach this host"),
        ({"replicas": {"db-2": "db-2"}, "replication_password": "r"}, "redis_address: db-2 needs the address"),
    ],
)  # fmt: skip
def test_a_fault_of_the_options_is_named(wrong, said):
    faults = "; ".join(redis_faults({**GOOD, **wrong}))
    assert said in faults and "s3cret" not in faults and "a b" not in faults.replace("'a b'", "")


def test_what_stands_in_the_way_on_the_host_is_named():
    there = ["addresses: 203.0.113.5 172.17.0.1"]
    assert redis_faults(GOOD, there) == []
    (fault,) = redis_faults(GOOD, ["addresses: 203.0.113.5"])
    assert "redis_containers: false" in fault
    assert redis_faults(GOOD, ["addresses: 203.0.113.5"], check=True) == []
    (fault,) = redis_faults(GOOD, [*there, "stock: /var/lib/redis/dump.rdb"])
    assert "/var/lib/redis/dump.rdb holds the data" in fault


def test_the_inventory_says_who_is_whose_replica():
    hosts = {"db-1": {}, "db-2": {"redis_primary": "db-1", "ansible_host": "10.0.0.2"}}
    assert redis_replicas(list(hosts), hosts, "db-1") == {"db-2": "10.0.0.2"}
    assert redis_replicas(list(hosts), hosts, "db-2") == {}
