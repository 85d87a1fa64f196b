# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_virtual_hosts
short_description: What the templates of the role nginx print
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Works out upstreams, locations and limits of the sites that the role P(farol.vps.nginx#role) serves.
  - Useful outside the role to see what an entry becomes.
positional: _input
options:
  _input:
    description: The sites, as the role takes them in C(nginx_sites).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the locations of each site
  ansible.builtin.debug:
    msg: "{{ item.locations | map(attribute='match') }}"
  loop: "{{ nginx_sites | farol.vps.nginx_virtual_hosts }}"
"""

RETURN = r"""
_value:
  description: The sites, each with what follows from its entry.
  type: list
  elements: dict
  sample:
    - name: api
      domain: api.example.com
      names: [api.example.com]
      upstreams: [{name: api, servers: ["127.0.0.1:8000"]}]
      locations: [{match: /, target: api, scheme: http}]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._nginx import virtual_hosts


class FilterModule:
    def filters(self):
        return {"nginx_virtual_hosts": virtual_hosts}
