# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: load_table
short_description: Load tests as a table
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - One line for each application and path, with the change against the stored run in brackets.
positional: _input
options:
  _input:
    description: Verdicts of P(farol.vps.load_compare#filter).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the figures
  ansible.builtin.debug:
    msg: "{{ verdicts | farol.vps.load_table }}"
"""

RETURN = r"""
_value:
  description: The table.
  type: str
  sample: |-
    application  what   requests  failed  per second  p50 ms     p95 ms      p99 ms
    api          GET /      3000       0       100.1  6 (+0 %)  14 (-7 %)  31 (+3 %)
"""

from ansible_collections.farol.vps.plugins.plugin_utils._load import table


class FilterModule:
    def filters(self):
        return {"load_table": table}
