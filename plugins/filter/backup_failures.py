# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_failures
short_description: Which last backups failed, and why
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - One line for each source and repository whose last backup failed, with the host and the reason.
positional: _input, host
options:
  _input:
    description: What M(farol.vps.backup_info) returns.
    type: dict
    required: true
  host:
    description: The host, which begins each line.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what failed
  ansible.builtin.debug:
    msg: "{{ found | farol.vps.backup_failures(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: One line for each source and repository whose last backup failed.
  type: list
  elements: str
  sample: ["db1: main to spaces: the storage refuses the credentials; correct access_key and secret_key in backup_repositories"]
"""


def backup_failures(info, host):
    found = {}
    for places in info["sources"].values():
        for about in places.values():
            if about["last_run_ok"] is False:
                found[f"{host}: {about['last_error']}"] = None
    # What failed without a word has left it in the journal.
    return list(found) or [f"{host}: look at 'journalctl -u \"farol-backup@*\"'"]


class FilterModule:
    def filters(self):
        return {"backup_failures": backup_failures}
