# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: app_ports
short_description: Loopback ports of an application's two colours
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - The blue colour has C(host_port), or an even port from 20000 to 29998 that follows from the
    name alone, so it stays the same on every host and in every run. The green one has the next.
positional: _input
options:
  _input:
    description: One application, as the role P(farol.vps.app#role) takes it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the ports
  ansible.builtin.debug:
    msg: "{{ {'name': 'api', 'host_port': 20010} | farol.vps.app_ports }}"
"""

RETURN = r"""
_value:
  description: The port of each colour.
  type: dict
  sample: {blue: 20010, green: 20011}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._apps import ports


class FilterModule:
    def filters(self):
        return {"app_ports": ports}
