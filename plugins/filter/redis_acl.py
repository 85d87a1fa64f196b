# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_acl
short_description: Users of Redis as lines of an ACL file
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Passwords become SHA-256 hashes. The user C(default) is off, so nobody gets in without a name.
  - A user may do everything with data and nothing with the server, unless its C(commands) say otherwise.
positional: _input
options:
  _input:
    description: The users, as the role P(farol.vps.redis#role) takes them in C(redis_users).
    type: list
    elements: dict
    required: true
  instance:
    description: Name of the instance.
    type: str
    required: true
  version:
    description: Version of the server, since older ones do not know all rules.
    type: str
    required: true
  admin:
    description: SHA-256 hash of the administrator's password.
    type: str
    required: true
  monitoring:
    description: Password of the user that reads statistics; there is none when it is empty.
    type: str
    default: ""
  monitoring_keys:
    description: Patterns of keys whose type and length that user may ask for.
    type: list
    elements: str
    default: []
  replication:
    description: Password of the user that replicas stream with; there is none when it is empty.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ [{'name': 'app', 'password': 'x'}] | farol.vps.redis_acl(instance='cache', version='7.0', admin='0' * 64) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample: ["user default off resetkeys resetchannels -@all"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._redis import acl


class FilterModule:
    def filters(self):
        return {"redis_acl": acl}
