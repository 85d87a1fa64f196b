# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_sites
short_description: Virtual hosts of a list of applications
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns C(apps) into the virtual hosts that the role P(farol.vps.nginx#role) serves.
  - Fails when two applications claim the same name, domain or port of the host.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the virtual hosts
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.nginx_sites }}"
  vars:
    apps:
      - {name: api, domain: api.example.com, image: ghcr.io/acme/api, version: "1.4.2", port: 8000}
"""

RETURN = r"""
_value:
  description: One entry for each application.
  type: list
  elements: dict
  sample:
    - name: api
      domain: api.example.com
      aliases: []
      colours: {blue: 20010, green: 20011}
      state: /var/lib/farol/apps/api
      health: /health
      websocket: []
      closed: [/metrics]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils import _apps


def nginx_sites(apps):
    faults = list(_apps.clashes(apps))
    if faults:
        raise AnsibleFilterError("; ".join(faults))
    return _apps.sites(apps)


class FilterModule:
    def filters(self):
        return {"nginx_sites": nginx_sites}
