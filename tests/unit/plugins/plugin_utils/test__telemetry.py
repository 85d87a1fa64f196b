# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._telemetry import (
    exporters,
    faults,
    hosts,
    modules,
)

GOOD = {
    "host": "web",
    "hosts": ["watch", "web"],
    "exporters": ["node", "redis"],
    "monitoring_host": "watch",
    "address": "10.0.0.2",
    "redis_instances": [{"name": "cache", "port": 6379}],
}


def test_a_bare_host_is_looked_at_with_the_node_exporter():
    assert exporters([], []) == ["node"]


def test_applications_and_groups_ask_for_more():
    groups = ["all", "redis", "pgbouncer", "postgresql", "web"]
    assert exporters(groups, [{"name": "api"}]) == [
        "node",
        "nginx",
        "mtail",
        "postgres",
        "pgbouncer",
        "redis",
    ]


def test_the_instances_of_the_role_redis_are_known():
    known = {
        "db": {
            "group_names": ["redis"],
            "redis_instances": [
                {"name": "queue", "port": 6380, "kind": "queue", "maxmemory": "1gb"},
                {"name": "cache", "port": 6379, "settings": {"maxclients": 50}},
            ],
        }
    }
    (db,) = hosts(known, known, "db")
    assert db["redis"] == [
        {"name": "queue", "port": 6380, "queues": []},
        {"name": "cache", "port": 6379, "queues": [], "maxclients": 50},
    ]


def test_the_host_that_watches_is_local_and_the_others_have_an_endpoint():
    known = {
        "watch": {"group_names": ["monitoring"], "ansible_host": "10.0.0.1"},
        "web": {
            "group_names": ["redis", "pgbouncer"],
            "ansible_host": "203.0.113.5",
            "telemetry_address": "10.0.0.2",
            "telemetry_endpoint_port": 9500,
            "telemetry_redis_instances": [{"name": "jobs", "port": 6380, "queues": [{"key": "q"}]}],
            "apps": [{"name": "api"}],
            "backup_repositories": [{"bucket": "farol"}],
        },
    }
    assert hosts(known, known, "watch", {"web": "203.0.113.5"}) == [
        {
            "name": "watch",
            "host": "watch",
            "address": "10.0.0.1",
            "port": 9443,
            "exporters": ["node"],
            "apps": [],
            "local": True,
            "certificate": "/etc/prometheus/farol/hosts/watch.crt",
        },
        {
            "name": "web",
            "host": "web",
            "address": "10.0.0.2",
            "port": 9500,
            "exporters": ["node", "nginx", "mtail", "redis"],
            "apps": [{"name": "api"}],
            "redis": [{"name": "jobs", "port": 6380, "queues": [{"key": "q"}]}],
            "backup": True,
            "local": False,
            "certificate": "/etc/prometheus/farol/hosts/web.crt",
            "probe_address": "203.0.113.5",
        },
    ]


def test_a_list_of_exporters_wins_over_groups():
    known = {"web": {"group_names": ["redis"], "telemetry_exporters": ["node"]}}
    assert hosts(["web"], known, "web")[0]["exporters"] == ["node"]


def test_the_endpoint_leads_to_exporters_and_live_releases():
    queue = {"name": "jobs", "port": 6380, "queues": [{"key": "celery", "db": 1}, {"key": "mail"}]}
    apps = [{"name": "api", "metrics": "/metrics"}, {"name": "web"}]
    assert modules(["node", "nginx", "pgbouncer", "redis"], [queue], apps) == {
        "node": {"port": 9100, "path": "/metrics"},
        "nginx": {"port": 9113, "path": "/metrics"},
        "redis-jobs": {
            "port": 9121,
            "path": "/scrape?target=redis%3A%2F%2F127.0.0.1%3A6380&check-single-keys=db1%3Dcelery%2Cdb0%3Dmail",
        },
        "app-api": {"port": 9114, "path": "/api/metrics"},
    }


def test_no_fault_where_all_is_well():
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (
            {"exporters": ["redis"]},
            "telemetry_exporters: node is missing; without it nobody sees that the host is up",
        ),
        (
            {"monitoring_host": "wacth"},
            "telemetry_monitoring_host: 'wacth' is no host of the inventory; did you mean watch?",
        ),
        (
            {"address": "web.example.com"},
            "telemetry_address: 'web.example.com' is no address; name the private one that "
            "telemetry_monitoring_host reaches this host at",
        ),
        (
            {"address": "127.0.0.1"},
            "telemetry_address: 127.0.0.1 leads to no other host; name a private address",
        ),
        (
            {"address": "8.8.8.8"},
            "telemetry_address: 8.8.8.8 is public; use a private network or WireGuard between hosts",
        ),
        (
            {"redis_instances": [{"name": "a", "port": 1}, {"name": "b", "port": 1}]},
            "telemetry_redis_instances: port 1 is listed twice",
        ),
    ],
)
def test_what_types_cannot_show_is_named(changed, fault):
    assert faults({**GOOD, **changed}) == [fault]


def test_a_host_that_watches_itself_needs_no_private_address():
    assert faults({**GOOD, "monitoring_host": "web", "address": "8.8.8.8"}) == []
