# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_roles
short_description: The roles of a PostgreSQL server, with their rights
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Makes one list of the users, the role that monitors and the one that replicas stream with. Each has the rights that it needs and no others.
positional: _input
options:
  _input:
    description: The users, as the role P(farol.vps.postgresql#role) takes them in C(postgresql_users).
    type: list
    elements: dict
    required: true
  monitoring:
    description: Name of the role that monitors.
    type: str
    required: true
  monitoring_password:
    description: Its password; without one it logs in on the host alone.
    type: str
    default: ""
  replication:
    description: Name of the role for replicas; none is made when it is empty.
    type: str
    default: ""
  replication_password:
    description: Its password.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the names of the roles
  ansible.builtin.debug:
    msg: "{{ [{'name': 'app', 'password': 'x'}] | farol.vps.postgresql_roles(monitoring='monitoring') | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The roles, with C(name), C(password), C(flags), C(member_of), C(configuration) and C(limit).
  type: list
  elements: dict
"""

from ansible_collections.farol.vps.plugins.plugin_utils._postgresql import roles


class FilterModule:
    def filters(self):
        return {"postgresql_roles": roles}
