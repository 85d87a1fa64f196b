# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_sources
short_description: What is to be backed up of a list of applications
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - A dump of every accessory that runs PostgreSQL, told by its image, and the volumes that C(backup.volumes) of an application names.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be backed up
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.backup_sources }}"
"""

RETURN = r"""
_value:
  description: Sources, as the role P(farol.vps.backup#role) takes them.
  type: list
  elements: dict
  sample:
    - {name: api-postgres, type: postgresql, container: api-accessories-postgres-1, user: app, database: app}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._backup import sources_of_apps


class FilterModule:
    def filters(self):
        return {"backup_sources": sources_of_apps}
