# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_config
short_description: The options of the role backup, complete
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Fills in what repositories, clusters and sources leave out. The result is what C(farol-backup) reads on the host.
positional: _input, versions
options:
  _input:
    description: The role's options.
    type: dict
    required: true
  versions:
    description: The versions of C(pgbackrest), C(restic) and C(postgresql) that the distribution has.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the data directory of the first cluster
  ansible.builtin.debug:
    msg: "{{ (__backup_settings | farol.vps.backup_config(versions)).clusters[0].path }}"
"""

RETURN = r"""
_value:
  description: The options with every key.
  type: dict
  sample: {host: db1, repositories: [], clusters: [], sources: []}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._backup import complete


class FilterModule:
    def filters(self):
        return {"backup_config": complete}
