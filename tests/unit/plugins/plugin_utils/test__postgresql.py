# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.postgresql_pools import postgresql_pools
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql import (
    cluster,
    conf,
    pools,
    roles,
    slot,
)
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_access import access, pairs

APP = {"name": "app", "owner": "app"}
SHOP = {"name": "shop", "owner": "shop"}


def test_settings_become_lines():
    written = conf(
        {
            "jit": False,
            "ssl": True,
            "port": 5432,
            "random_page_cost": 1.1,
            "archive_command": "cp '%p' /x",
            "shared_preload_libraries": ["a", "b"],
        }
    )
    assert written.splitlines() == [
        "jit = off",
        "ssl = on",
        "port = 5432",
        "random_page_cost = 1.1",
        "archive_command = 'cp ''%p'' /x'",
        "shared_preload_libraries = 'a, b'",
    ]


@pytest.mark.parametrize(
    ("host", "name"), [("db-2", "farol_db_2"), ("DB.example.com", "farol_db_example_com")]
)
def test_a_slot_has_a_name_that_the_server_takes(host, name):
    assert slot(host) == name
    assert len(slot("x" * 200)) == 63


def test_the_monitoring_role_reads_and_nothing_else():
    (monitoring,) = roles([], "monitoring")
    assert monitoring["member_of"] == ["pg_monitor"]
    assert monitoring["configuration"]["default_transaction_read_only"] == "on"
    assert "NOSUPERUSER" in monitoring["flags"] and "NOREPLICATION" in monitoring["flags"]


def test_only_the_role_for_replicas_may_replicate():
    users = [{"name": "app", "password": "x", "member_of": ["pg_read_all_data"]}]
    made = {role["name"]: role for role in roles(users, "monitoring", "m", "replication", "r")}
    assert list(made) == ["monitoring", "replication", "app"]
    assert [name for name, role in made.items() if ",REPLICATION" in role["flags"]] == [
        "replication"
    ]
    assert made["app"]["member_of"] == ["pg_read_all_data"] and made["app"]["limit"] == -1


def test_pools_share_what_is_left():
    assert pools([{**APP, "pool": 40}, SHOP], 100, 10) == {"app": 40, "shop": 47}
    assert pools([APP, SHOP], 100, 10) == {"app": 43, "shop": 43}
    assert pools([], 100, 10) == {}


@pytest.mark.parametrize(("most", "fits"), [(113, True), (112, False)])
def test_pools_that_do_not_fit_are_refused_with_the_sum(most, fits):
    wanted = [{**APP, "pool": 60}, {**SHOP, "pool": 40}]
    if fits:
        assert postgresql_pools(wanted, most, 10) == {"app": 60, "shop": 40}
        return
    with pytest.raises(
        AnsibleFilterError, match=r"app 60, shop 40\), 10 direct .* 3 for .* need 113"
    ):
        postgresql_pools(wanted, most, 10)


def test_a_database_without_a_number_needs_one_connection_at_the_least():
    with pytest.raises(AnsibleFilterError, match="one at the least for each of shop.*need 114"):
        postgresql_pools([{**APP, "pool": 100}, SHOP], 113, 10)


def test_a_user_opens_what_it_owns_and_what_it_names():
    reader = {"name": "reader", "databases": ["app", "app"]}
    assert pairs([APP, SHOP], [reader]) == [("app", "app"), ("shop", "shop"), ("app", "reader")]


def test_the_lines_of_pg_hba():
    lines = access([APP], [{"name": "app"}], ["10.0.0.5/8"], "monitoring", ["10.0.0.3"])
    assert lines == [
        "local all postgres peer",
        'local all "monitoring" peer map=monitoring',
        'local "app" "app" scram-sha-256',
        "host all postgres all reject",
        'hostssl all "monitoring" 127.0.0.1/32 scram-sha-256',
        'hostssl all "monitoring" ::1/128 scram-sha-256',
        'hostssl "app" "app" 127.0.0.1/32 scram-sha-256',
        'hostssl "app" "app" ::1/128 scram-sha-256',
        'hostssl "app" "app" 10.0.0.0/8 scram-sha-256',
        'hostssl replication "replication" 10.0.0.3/32 scram-sha-256',
    ]


def test_nothing_comes_over_the_network_without_tls_and_scram():
    lines = access(
        [APP, SHOP], [{"name": "x", "databases": ["app"]}], ["10.0.0.0/8"], "m", ["10.0.0.3"]
    )
    for line in lines:
        kind, *_rest, method = line.split()
        assert (
            kind == "local" or method == "reject" or (kind, method) == ("hostssl", "scram-sha-256")
        )


def test_the_inventory_says_who_streams_from_whom():
    hosts = {
        "db-1": {
            "ansible_host": "10.0.0.1",
            "postgresql_port": 5433,
            "postgresql_max_connections": 50,
        },
        "db-2": {
            "ansible_host": "192.0.2.2",
            "postgresql_address": "10.0.0.2",
            "postgresql_primary": "db-1",
        },
        "web": {},
    }
    first = cluster(list(hosts), hosts, "db-1")
    assert first["replicas"] == ["db-2"]
    assert first["slots"] == {"db-2": "farol_db_2"} and first["addresses"] == {"db-2": "10.0.0.2"}
    assert first["primary"]["name"] == ""
    second = cluster(list(hosts), hosts, "db-2")
    assert second["replicas"] == []
    assert second["primary"] == {
        "name": "db-1",
        "address": "10.0.0.1",
        "port": 5433,
        "max_connections": 50,
        "settings": {},
        "primary": "",
        "slot": "farol_db_2",
    }
