# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_pools
short_description: Sizes of PgBouncer's pools that fit the server's connections
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - A database with C(pool) has that many. The others share what max_connections, the superusers and the direct connections leave.
  - Fails when there are not enough connections for all.
positional: _input
options:
  _input:
    description: The databases, as the role P(farol.vps.postgresql#role) takes them in C(postgresql_databases).
    type: list
    elements: dict
    required: true
  max_connections:
    description: Connections that the server takes.
    type: int
    required: true
  direct:
    description: Connections kept for logins that go past PgBouncer.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show the pools
  ansible.builtin.debug:
    msg: "{{ [{'name': 'app', 'owner': 'app'}] | farol.vps.postgresql_pools(max_connections=100, direct=10) }}"
"""

RETURN = r"""
_value:
  description: Connections by the name of the database.
  type: dict
  sample: {app: 87}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql import PoolError, pools


def postgresql_pools(databases, max_connections, direct):
    try:
        return pools(databases, int(max_connections), int(direct))
    except PoolError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"postgresql_pools": postgresql_pools}
