# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: scrape_configs
short_description: The scrape_configs of Prometheus
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns hosts into the list C(scrape_configs) of Prometheus, without the probes.
  - The monitoring host is asked on its loopback, every other one at its endpoint, with a client certificate.
extends_documentation_fragment: farol.vps.watched_hosts
positional: _input
options:
  settings:
    description: C(client_certificate) and C(client_key), the paths of what the monitoring host shows.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write Prometheus' configuration
  ansible.builtin.copy:
    dest: /tmp/prometheus.yml
    content: "{{ {'scrape_configs': hosts | farol.vps.scrape_configs} | to_nice_yaml }}"
    mode: "0644"
"""

RETURN = r"""
_value:
  description: One entry for each target. The label C(job) is the exporter's, not the entry's unique name.
  type: list
  elements: dict
  sample:
    - job_name: node-web1
      scheme: http
      metrics_path: /metrics
      static_configs:
        - targets: [127.0.0.1:9100]
          labels: {job: node, host: web1}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_targets import scrape_configs


class FilterModule:
    def filters(self):
        return {"scrape_configs": scrape_configs}
