# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_files
short_description: Files with the configuration of a host's backups
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - What C(farol-backup), pgBackRest and SSH read. They hold secrets, so they are for their readers alone.
positional: _input
options:
  _input:
    description: What P(farol.vps.backup_config#filter) gives.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which files a host would get
  ansible.builtin.debug:
    msg: "{{ __backup_config | farol.vps.backup_files | list }}"
"""

RETURN = r"""
_value:
  description: The path of each file, relative to the root folder, with its content.
  type: dict
  sample: {etc/farol/backup.json: "{…}"}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._backup import files


class FilterModule:
    def filters(self):
        return {"backup_files": files}
