# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What follows for verification from an entry of apps."""

from __future__ import annotations

from ansible_collections.farol.vps.plugins.filter.verify_host import verify_host
from ansible_collections.farol.vps.plugins.filter.verify_outside import FilterModule
from ansible_collections.farol.vps.plugins.modules.health_check import ARGUMENTS, build_check

verify_outside = FilterModule().filters()["verify_outside"]

API = {
    "name": "api",
    "domain": "api.example.com",
    "aliases": ["www.example.com"],
    "host_port": 20100,
    "services": {
        "worker": {"command": "work"},
        "once": {"command": "x", "singleton": True},
        "off": {"command": "x", "deploy": {"replicas": 0}},
        "tool": {"command": "x", "profiles": ["tools"]},
        "job": {"command": "x", "restart": "no"},
        "named": {"command": "x", "container_name": "mine"},
        "web": {"env": {}},
    },
    "accessories": {"postgres": {"image": "postgres:17"}},
}


def by_name(checks):
    return {check["name"]: check for check in checks}


def test_every_domain_is_asked_and_the_inner_ports_are_closed():
    found = by_name(verify_outside([API], "203.0.113.5", ca_file="/ca.pem", min_days=7))

    assert list(found) == [
        "api",
        "api www.example.com",
        "Docker's API closed",
        "api blue closed",
        "api green closed",
    ]
    assert found["api"]["tls_min_days"] == 7 and found["api"]["ca_file"] == "/ca.pem"
    assert [found[f"api {colour} closed"]["port"] for colour in ("blue", "green")] == [20100, 20101]
    assert found["api blue closed"]["state"] == "closed"


def test_an_application_in_maintenance_may_answer_503_and_no_other():
    other = {"name": "shop", "domain": "shop.example.com", "allow": ["10.0.0.0/8"]}
    found = by_name(verify_outside([API, other], "h", closed=["api"]))

    assert found["api (in maintenance)"]["status"] == [200, 503]
    assert found["api www.example.com (in maintenance)"]["status"] == [200, 503]
    assert found["shop"]["status"] == [200, 403]


def test_units_nginx_and_the_containers_that_run_are_checked_on_the_host():
    hostvars = {"a": {"apps": [API]}, "b": {"apps": [API]}}
    first, second = (by_name(verify_host([API], host, ["a", "b"], hostvars)) for host in "ab")

    containers = [check["container"] for check in first.values() if check["type"] == "container"]
    assert containers == [
        "api-services-worker-1",
        "api-services-once-1",
        "mine",
        "api-accessories-postgres-1",
    ]
    assert set(first) - set(second) == {"api services-once"}
    through = first["api through Nginx"]
    assert through["address"] == "127.0.0.1" and through["status"] == [200]
    assert through["validate_certs"] is False
    assert [check["unit"] for check in first.values() if check["type"] == "unit"] == [
        "docker.service",
        "nginx.service",
    ]


def test_a_host_without_applications_has_nothing_to_check():
    assert verify_outside([], "h") == [] and verify_host([], "a", ["a"], {"a": {}}) == []


def test_health_check_knows_every_option():
    defaults = {
        name: about.get("default") for name, about in ARGUMENTS["checks"]["options"].items()
    }
    checks = [*verify_outside([API], "h", "/ca", ["api"], 7), *verify_host([API], "a", [], {})]
    for check in checks:
        assert set(check) <= set(defaults)
        assert check.get("ca_file") or build_check({**defaults, **check}, 1).name == check["name"]


def test_the_ports_can_be_left_out():
    assert list(by_name(verify_outside([API], "h", inner_ports=False))) == [
        "api",
        "api www.example.com",
    ]
