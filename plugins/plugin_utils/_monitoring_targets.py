# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Prometheus asks for figures: the exporters of each host and the applications' own metrics.

The monitoring host asks its own exporters on the loopback. Other hosts answer at one endpoint with mutual TLS, whose
certificate is trusted for that host alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._telemetry import LIVE, PORTS, redis_query

OWN = {"prometheus": 9090, "alertmanager": 9093}
CLIENT = {
    "client_certificate": "/etc/prometheus/farol/client.crt",
    "client_key": "/etc/prometheus/farol/client.key",
}
Host = Mapping[str, Any]
Target = dict[str, Any]


def scrape_targets(hosts: Sequence[Host]) -> list[Target]:
    """One entry for each target: job, host, address, scheme, path, parameters and labels."""
    return [target for host in hosts for target in _of_host(host)]


def _of_host(host: Host) -> Iterator[Target]:
    for exporter in host.get("exporters") or []:
        if exporter == "redis":
            for instance in host.get("redis") or []:
                yield _redis(host, instance)
        else:
            yield _target(host, exporter, exporter, PORTS[exporter])
    for app in host.get("apps") or []:
        # Nginx knows which colour is live.
        if app.get("metrics") and "nginx" in (host.get("exporters") or []):
            path, labels = f"/{app['name']}/metrics", {"app": app["name"]}
            yield _target(host, "app", f"app-{app['name']}", LIVE, path, labels=labels)
    if host.get("local"):
        for job, port in OWN.items():
            yield _target(host, job, job, port)


def _redis(host: Host, instance: Mapping[str, Any]) -> Target:
    """One exporter asks every instance of the host."""
    params = {name: [value] for name, value in redis_query(instance).items()}
    name = instance["name"]
    labels = {"instance_name": name}
    return _target(host, "redis", f"redis-{name}", PORTS["redis"], "/scrape", params, labels)


def _target(
    host: Host,
    job: str,
    module: str,
    port: int,
    path: str = "/metrics",
    params: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Target:
    if host.get("local"):
        address, scheme, given = f"127.0.0.1:{port}", "http", dict(params or {})
    else:
        address, scheme = f"{bracketed(host['address'])}:{host.get('port') or 9443}", "https"
        path, given = "/proxy", {"module": [module]}
    return {
        "job": job,
        "name": f"{module}-{host['name']}",
        "host": host["host"],
        "address": address,
        "scheme": scheme,
        "path": path,
        "params": given,
        "labels": {**(host.get("labels") or {}), "host": host["host"], **(labels or {})},
        **({} if host.get("local") else {"certificate": host["certificate"]}),
    }


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def scrape_configs(
    hosts: Sequence[Host], settings: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The list C(scrape_configs) of Prometheus, without probes.

    The name of each entry is unique, as Prometheus wants it; the label job is the exporter's.
    """
    given = {**CLIENT, **(settings or {})}
    return [_config(target, given) for target in scrape_targets(hosts)]


def _config(target: Target, settings: Mapping[str, Any]) -> dict[str, Any]:
    tls = {}
    if target["scheme"] == "https":
        tls = {
            "tls_config": {
                "ca_file": target["certificate"],
                "cert_file": settings["client_certificate"],
                "key_file": settings["client_key"],
            }
        }
    return {
        "job_name": target["name"],
        "scheme": target["scheme"],
        "metrics_path": target["path"],
        **({"params": target["params"]} if target["params"] else {}),
        **tls,
        "static_configs": [
            {"targets": [target["address"]], "labels": {"job": target["job"], **target["labels"]}}
        ],
    }
