# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_conf
short_description: Settings in the form of postgresql.conf
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Writes one line for each setting. Text is quoted, true and false become on and off, a list is joined with commas.
positional: _input
options:
  _input:
    description: The settings by their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show lines of postgresql.conf
  ansible.builtin.debug:
    msg: "{{ {'jit': false, 'cluster_name': 'main'} | farol.vps.postgresql_conf }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: str
  sample: "jit = off\ncluster_name = 'main'\n"
"""

from ansible_collections.farol.vps.plugins.plugin_utils._postgresql import conf


class FilterModule:
    def filters(self):
        return {"postgresql_conf": conf}
