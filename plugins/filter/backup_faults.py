# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_faults
short_description: What is wrong with the options of the role backup
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Names what is missing, claimed twice, or not to be had with the distribution's tools, each with the remedy. No value of a secret is in it.
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
- name: Show the faults
  ansible.builtin.debug:
    msg: "{{ __backup_settings | farol.vps.backup_faults(versions) }}"
"""

RETURN = r"""
_value:
  description: One line for each fault.
  type: list
  elements: str
  sample: ["backup_repositories: spaces: type s3 needs bucket"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._backup import faults


class FilterModule:
    def filters(self):
        return {"backup_faults": faults}
