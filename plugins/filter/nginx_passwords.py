# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_passwords
short_description: The password files of a list of sites
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Collects the users and their hashed passwords, for one file for each site or path that has C(users).
positional: _input
options:
  _input:
    description: The sites, as the role P(farol.vps.nginx#role) takes them in C(nginx_sites).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the files' names
  ansible.builtin.debug:
    msg: "{{ nginx_sites | farol.vps.nginx_passwords | map(attribute='file') }}"
"""

RETURN = r"""
_value:
  description: Users and name of each file.
  type: list
  elements: dict
  sample: [{file: grafana, users: {ops: $6$...}}]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._nginx import password_files


class FilterModule:
    def filters(self):
        return {"nginx_passwords": password_files}
