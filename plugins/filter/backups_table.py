# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: backups_table
short_description: What backup_info tells of the storage, as a table
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - One line for each backup, the newest of each source first, then what kept a repository from answering.
positional: _input
options:
  _input:
    description: What M(farol.vps.backup_info) returns.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the backups
  ansible.builtin.debug:
    msg: "{{ found | farol.vps.backups_table }}"
"""

RETURN = r"""
_value:
  description: The table.
  type: str
  sample: |
    source  repository  backup            kind  when                  age   size      stored   state
    main    spaces      20261125-023112F  full  2026-11-25T02:31:40Z  90 min  1.1 GiB  310.2 MiB  complete
"""

from ansible_collections.farol.vps.plugins.module_utils._backup_records import table


def backups_table(info):
    return "\n".join([table(info["backups"]), *info["faults"]])


class FilterModule:
    def filters(self):
        return {"backups_table": backups_table}
