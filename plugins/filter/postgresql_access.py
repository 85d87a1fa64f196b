# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_access
short_description: Who may log in to which database from where
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Makes the lines of C(pg_hba.conf). Each user gets the databases that it owns or names, from the loopback and from the networks given.
  - Over the network all of them need TLS and a SCRAM password.
positional: _input
options:
  _input:
    description: The databases, as the role P(farol.vps.postgresql#role) takes them in C(postgresql_databases).
    type: list
    elements: dict
    required: true
  users:
    description: The users, as in C(postgresql_users).
    type: list
    elements: dict
    required: true
  networks:
    description: Addresses and networks that may log in.
    type: list
    elements: str
    required: true
  monitoring:
    description: Name of the role that monitors, from the host itself alone.
    type: str
    required: true
  replicas:
    description: Addresses of replicas.
    type: list
    elements: str
    default: []
  replication:
    description: Name of the role for replicas.
    type: str
    default: replication
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: >-
      {{ [{'name': 'app', 'owner': 'app'}]
         | farol.vps.postgresql_access([{'name': 'app', 'password': 'x'}], ['172.16.0.0/12'], monitoring='monitoring') }}
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample: ['hostssl "app" "app" 172.16.0.0/12 scram-sha-256']
"""

from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_access import access


class FilterModule:
    def filters(self):
        return {"postgresql_access": access}
