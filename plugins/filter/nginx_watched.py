# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_watched
short_description: What the service reads that watches a balancer's hosts
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives the health path and the hosts of each site with C(balance).
positional: _input
options:
  _input:
    description: The sites, as the role P(farol.vps.nginx#role) takes them in C(nginx_sites).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is watched
  ansible.builtin.debug:
    msg: "{{ nginx_sites | farol.vps.nginx_watched }}"
"""

RETURN = r"""
_value:
  description: One entry for each balanced site.
  type: list
  elements: dict
  sample:
    - {name: api, host: api.example.com, path: /health, tls: true, ca: "", servers: {a: "10.0.0.2:443", b: "10.0.0.3:443"}}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._nginx import watched


class FilterModule:
    def filters(self):
        return {"nginx_watched": watched}
