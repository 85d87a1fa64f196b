# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_verifiers
short_description: SCRAM verifiers of passwords
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Makes what PostgreSQL stores of a password, so that the password itself is neither sent to the host nor logged there.
  - A verifier that is there already is kept when the password fits it.
positional: _input
options:
  _input:
    description: Passwords by user, of printable ASCII.
    type: dict
    required: true
  found:
    description: What the server has stored, by user.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Give a user a password that the server never sees
  community.postgresql.postgresql_user:
    name: app
    password: "{{ ({'app': vault_password} | farol.vps.postgresql_verifiers).app }}"
"""

RETURN = r"""
_value:
  description: Verifiers by user.
  type: dict
  sample: {app: 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy'}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_scram import verifiers


def postgresql_verifiers(passwords, found=None):
    return verifiers(passwords, found or {})


class FilterModule:
    def filters(self):
        return {"postgresql_verifiers": postgresql_verifiers}
