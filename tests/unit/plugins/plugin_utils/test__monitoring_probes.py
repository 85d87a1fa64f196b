# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probes ask what verification asks."""

from __future__ import annotations

import prometheus_tools
import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_probes import (
    blackbox_modules,
    probe_configs,
    probe_targets,
)
from ansible_collections.farol.vps.plugins.plugin_utils._verify import from_outside

API = {"name": "api", "domain": "api.example.com", "aliases": ["www.example.com", "*.example.com"]}
INNER = {
    "name": "inner",
    "domain": "inner.example.com",
    "allow": ["10.0.0.0/8"],
    "health": {"path": "/up"},
}
HOST = {"name": "web1", "host": "web1", "apps": [API, INNER]}


def test_the_questions_are_those_of_verification():
    checks = from_outside([API, INNER], "203.0.113.5", inner_ports=False)
    assert [(p["url"], p["status"], p["name"]) for p in probe_targets([HOST])] == [
        (check["url"], check["status"], check["name"]) for check in checks
    ]
    assert [check["url"] for check in checks] == [
        "https://api.example.com/health",
        "https://www.example.com/health",
        "https://inner.example.com/up",
    ]


def test_a_status_has_a_module_of_its_own():
    probes = probe_targets([HOST])
    assert {p["module"] for p in probes} == {"http_200", "http_200_or_403"}
    modules = blackbox_modules(probes, "/etc/ca.pem", 3)
    assert modules["http_200_or_403"] == {
        "prober": "http",
        "timeout": "3s",
        "http": {
            "valid_status_codes": [200, 403],
            "follow_redirects": False,
            "preferred_ip_protocol": "ip4",
            "tls_config": {"ca_file": "/etc/ca.pem"},
        },
    }


def test_a_host_can_be_asked_at_its_address_under_the_name_of_the_domain():
    probe = probe_targets([{**HOST, "probe_address": "203.0.113.5"}])[0]
    assert probe["target"] == "https://203.0.113.5/health"
    assert probe["url"] == "https://api.example.com/health"
    assert probe["module"] == "http_200_api_example_com"
    http = blackbox_modules([probe])[probe["module"]]["http"]
    assert http["headers"] == {"Host": "api.example.com"}
    assert http["tls_config"] == {"server_name": "api.example.com"}


def test_an_application_on_two_hosts_is_asked_once_by_the_dns_and_belongs_to_neither():
    other = {**HOST, "name": "web2", "host": "web2"}
    probes = probe_targets([HOST, other])
    assert len(probes) == 3
    assert all("host" not in probe for probe in probes)
    pinned = probe_targets(
        [{**HOST, "probe_address": "10.0.0.1"}, {**other, "probe_address": "10.0.0.2"}]
    )
    assert len(pinned) == 6
    assert {probe["host"] for probe in pinned} == {"web1", "web2"}


def test_probes_of_ones_own():
    extra = [
        {"name": "partner", "url": "https://partner.example.org/"},
        {"name": "mail", "tcp": "mail.example.com:25", "app": "api"},
        {"name": "odd", "url": "http://odd.example.org/", "module": "mine"},
    ]
    found = probe_targets([], extra)
    assert [probe["module"] for probe in found] == ["http_2xx", "tcp_connect", "mine"]
    assert set(blackbox_modules(found)) == {"http_2xx", "tcp_connect"}


def test_each_module_is_one_entry_and_the_exporter_is_asked_instead_of_the_target(tmp_path):
    configs = probe_configs(probe_targets([HOST]), "10s")
    assert [config["job_name"] for config in configs] == [
        "blackbox-http_200",
        "blackbox-http_200_or_403",
    ]
    assert configs[1]["static_configs"] == [
        {
            "targets": ["https://inner.example.com/up"],
            "labels": {
                "job": "blackbox",
                "url": "https://inner.example.com/up",
                "probe": "inner",
                "host": "web1",
                "app": "inner",
            },
        }
    ]
    assert configs[1]["relabel_configs"][-1]["replacement"] == "127.0.0.1:9115"
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": configs}))
    code, said = prometheus_tools.run("promtool", "check", "config", path)
    assert code == 0, said
