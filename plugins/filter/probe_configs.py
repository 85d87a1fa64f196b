# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: probe_configs
short_description: Probes of applications as scrape_configs of Prometheus
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Asks every domain of every application for its health with the blackbox exporter. The questions are those of
    P(farol.vps.app_checks#filter).
extends_documentation_fragment: farol.vps.watched_hosts
positional: _input
options:
  extra:
    description: Probes of one's own, each with C(name) and C(url), or C(tcp) as host:port, and C(app) and C(module) if you like.
    type: list
    elements: dict
    default: []
  interval:
    description: How often, if not as often as everything else.
    type: str
  address:
    description: Where the blackbox exporter listens.
    type: str
    default: 127.0.0.1:9115
"""

EXAMPLES = r"""
- name: Show the probes
  ansible.builtin.debug:
    msg: "{{ hosts | farol.vps.probe_configs(interval='15s') }}"
"""

RETURN = r"""
_value:
  description: One entry for each module of the blackbox exporter.
  type: list
  elements: dict
  sample:
    - job_name: blackbox-http_200
      metrics_path: /probe
      params: {module: [http_200]}
      static_configs:
        - targets: ["https://api.example.com/health"]
          labels: {job: blackbox, url: "https://api.example.com/health", probe: api, app: api, host: web1}
"""

from ansible_collections.farol.vps.plugins.plugin_utils import _monitoring_probes as _probes


def probe_configs(hosts, extra=(), interval=None, address=_probes.ADDRESS):
    return _probes.probe_configs(_probes.probe_targets(hosts, extra or ()), interval, address)


class FilterModule:
    def filters(self):
        return {"probe_configs": probe_configs}
