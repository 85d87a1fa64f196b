# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probes of the applications from outside: the same questions that verification asks, so that the two can't disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.farol.vps.plugins.plugin_utils._apps import health_checks
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_targets import bracketed

ADDRESS = "127.0.0.1:9115"
TIMEOUT = 5
Probe = dict[str, Any]


def probe_targets(
    hosts: Sequence[Mapping[str, Any]], extra: Sequence[Mapping[str, Any]] = ()
) -> list[Probe]:
    """One entry for each question: name, host, app, url, target, status, domain, module.

    A host with C(probe_address) is asked at that address under the domain's name. All others are found by the DNS,
    where an application that runs on several of them is one and has no host.
    """
    found = [probe for host in hosts for probe in _of_host(host)]
    found += [_extra(entry) for entry in extra]
    once: dict[tuple[str, str], Probe] = {}
    for probe in found:
        known = once.setdefault((probe["target"], probe["module"]), probe)
        if known is not probe and known.get("host") != probe.get("host"):
            known.pop("host", None)
    return list(once.values())


def _of_host(host: Mapping[str, Any]) -> Iterator[Probe]:
    address = host.get("probe_address")
    for app in host.get("apps") or []:
        for check in health_checks([app], address):
            url = urlsplit(check["url"])
            pinned = address and url.hostname
            target = f"https://{bracketed(address)}{url.path}" if pinned else check["url"]
            yield {
                "name": check["name"],
                "host": host["host"],
                "app": app["name"],
                "url": check["url"],
                "target": target,
                "status": check["status"],
                "domain": url.hostname if pinned else "",
                "module": _module(check["status"], url.hostname or "" if pinned else ""),
            }


def _extra(entry: Mapping[str, Any]) -> Probe:
    """A probe of the user's own: C(url), or C(tcp) as host:port."""
    target = entry.get("url") or entry["tcp"]
    module = entry.get("module") or ("http_2xx" if entry.get("url") else "tcp_connect")
    return {
        "name": entry["name"],
        **({"app": entry["app"]} if entry.get("app") else {}),
        "url": target,
        "target": target,
        "status": [],
        "domain": "",
        "module": module,
    }


def _module(status: Sequence[int], domain: str) -> str:
    name = "http_" + "_or_".join(map(str, status))
    return f"{name}_{re.sub(r'[^a-z0-9]+', '_', domain)}" if domain else name


def blackbox_modules(
    probes: Sequence[Probe], ca_file: str | None = None, timeout: int = TIMEOUT
) -> dict[str, Any]:
    """The C(modules) of the blackbox exporter that the probes name, and those for probes of one's own."""
    modules = {
        "http_2xx": _http([], "", ca_file, timeout),
        "tcp_connect": {"prober": "tcp", "timeout": f"{timeout}s"},
    }
    for probe in probes:
        if probe["status"]:
            made = _http(probe["status"], probe["domain"], ca_file, timeout)
            modules[probe["module"]] = made
    return modules


def _http(status: Sequence[int], domain: str, ca_file: str | None, timeout: int) -> dict[str, Any]:
    tls = {
        **({"ca_file": ca_file} if ca_file else {}),
        **({"server_name": domain} if domain else {}),
    }
    return {
        "prober": "http",
        "timeout": f"{timeout}s",
        "http": {
            **({"valid_status_codes": list(status)} if status else {}),
            # A visitor of a health page is not sent elsewhere; what verification calls a fault is one here.
            "follow_redirects": False,
            "preferred_ip_protocol": "ip4",
            **({"headers": {"Host": domain}} if domain else {}),
            **({"tls_config": tls} if tls else {}),
        },
    }


def probe_configs(
    probes: Sequence[Probe], interval: str | None = None, address: str = ADDRESS
) -> list[dict[str, Any]]:
    """The entries of Prometheus' C(scrape_configs) for the probes: one for each module."""
    by_module: dict[str, list[Probe]] = {}
    for probe in probes:
        by_module.setdefault(probe["module"], []).append(probe)
    return [_config(module, group, interval, address) for module, group in by_module.items()]


def _config(
    module: str, probes: Sequence[Probe], interval: str | None, address: str
) -> dict[str, Any]:
    return {
        "job_name": f"blackbox-{module}",
        "metrics_path": "/probe",
        "params": {"module": [module]},
        **({"scrape_interval": interval} if interval else {}),
        "static_configs": [
            {
                "targets": [probe["target"]],
                "labels": {
                    "job": "blackbox",
                    "url": probe["url"],
                    "probe": probe["name"],
                    **{key: probe[key] for key in ("host", "app") if probe.get(key)},
                },
            }
            for probe in probes
        ],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": address},
        ],
    }
