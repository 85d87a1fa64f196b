# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus asks, from hosts as the role gives them."""

from __future__ import annotations

import prometheus_tools
import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_targets import (
    scrape_configs,
    scrape_targets,
)

OWN = {
    "name": "mon",
    "host": "mon",
    "address": "10.0.0.1",
    "local": True,
    "exporters": ["node", "nginx", "redis"],
    "redis": [
        {"name": "cache", "port": 6379},
        {"name": "queue", "port": 6380, "queues": [{"key": "celery"}, {"db": 2, "key": "mail"}]},
    ],
    "apps": [{"name": "api", "metrics": "/internal"}, {"name": "shop"}],
}
OTHER = {
    "name": "web-2",
    "host": "web2",
    "address": "10.0.0.2",
    "port": 9443,
    "certificate": "/etc/prometheus/farol/hosts/web-2.crt",
    "exporters": ["node", "nginx", "redis"],
    "redis": [{"name": "queue", "port": 6380}],
    "apps": [{"name": "api", "metrics": "/internal"}],
    "labels": {"region": "fra1"},
}


def by_name(hosts):
    return {target["name"]: target for target in scrape_targets(hosts)}


def test_the_monitoring_host_is_asked_on_its_loopback():
    assert by_name([OWN])["node-mon"] == {
        "job": "node",
        "name": "node-mon",
        "host": "mon",
        "address": "127.0.0.1:9100",
        "scheme": "http",
        "path": "/metrics",
        "params": {},
        "labels": {"host": "mon"},
    }


def test_other_hosts_are_asked_at_one_endpoint():
    found = by_name([OTHER])
    assert {target["address"] for target in found.values()} == {"10.0.0.2:9443"}
    assert found["nginx-web-2"] == {
        "job": "nginx",
        "name": "nginx-web-2",
        "host": "web2",
        "address": "10.0.0.2:9443",
        "scheme": "https",
        "path": "/proxy",
        "params": {"module": ["nginx"]},
        "labels": {"region": "fra1", "host": "web2"},
        "certificate": "/etc/prometheus/farol/hosts/web-2.crt",
    }


def test_an_ipv6_address_gets_brackets():
    found = by_name([{**OTHER, "address": "fd00::2"}])
    assert found["node-web-2"]["address"] == "[fd00::2]:9443"


def test_one_exporter_asks_every_instance_of_redis():
    found = by_name([OWN, OTHER])
    assert found["redis-cache-mon"]["params"] == {"target": ["redis://127.0.0.1:6379"]}
    assert found["redis-queue-mon"]["params"] == {
        "target": ["redis://127.0.0.1:6380"],
        "check-single-keys": ["db0=celery,db2=mail"],
    }
    assert found["redis-queue-mon"]["labels"]["instance_name"] == "queue"
    assert found["redis-queue-web-2"]["params"] == {"module": ["redis-queue"]}


def test_only_applications_with_metrics_are_asked_for_them():
    found = by_name([OWN, OTHER])
    assert [name for name in found if name.startswith("app-")] == ["app-api-mon", "app-api-web-2"]
    assert found["app-api-mon"]["path"] == "/api/metrics"
    assert found["app-api-mon"]["address"] == "127.0.0.1:9114"
    assert found["app-api-web-2"]["params"] == {"module": ["app-api"]}
    assert found["app-api-web-2"]["labels"]["app"] == "api"


def test_without_nginx_nobody_knows_which_release_to_ask():
    found = by_name([{**OWN, "exporters": ["node"]}])
    assert "app-api-mon" not in found


def test_prometheus_and_alertmanager_are_asked_on_their_own_host_only():
    found = by_name([OWN, OTHER])
    assert {"prometheus-mon", "alertmanager-mon"} <= set(found)
    assert {"prometheus-web-2", "alertmanager-web-2"}.isdisjoint(found)


def test_only_an_endpoint_is_shown_the_certificate():
    found = {config["job_name"]: config for config in scrape_configs([OWN, OTHER])}
    assert found["node-web-2"]["tls_config"] == {
        "ca_file": "/etc/prometheus/farol/hosts/web-2.crt",
        "cert_file": "/etc/prometheus/farol/client.crt",
        "key_file": "/etc/prometheus/farol/client.key",
    }
    assert "tls_config" not in found["node-mon"]
    assert found["node-web-2"]["static_configs"][0]["labels"]["job"] == "node"


def test_promtool_takes_the_configuration(tmp_path):
    for name in ("ca.crt", "client.crt", "client.key"):
        (tmp_path / name).write_text("")
    settings = {
        "client_certificate": str(tmp_path / "client.crt"),
        "client_key": str(tmp_path / "client.key"),
    }
    hosts = [OWN, {**OTHER, "certificate": str(tmp_path / "ca.crt")}]
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": scrape_configs(hosts, settings)}))
    code, said = prometheus_tools.run("promtool", "check", "config", "--syntax-only", path)
    assert code == 0, said
