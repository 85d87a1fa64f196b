# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: runbook_index
short_description: What can be searched of the runbooks
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads pages of HTML and lists their sections, so that the index says what the pages say.
positional: _input
options:
  _input:
    description: The pages, by their file names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: List the sections
  ansible.builtin.debug:
    msg: "{{ {'a.html': '<h1>A</h1><section id=\"b\"><h2>B</h2><p>c</p></section>'} | farol.vps.runbook_index }}"
"""

RETURN = r"""
_value:
  description: One entry for each section.
  type: list
  elements: dict
  sample:
    - {page: A, href: "a.html#b", title: B, text: c}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._runbooks_text import index


class FilterModule:
    def filters(self):
        return {"runbook_index": index}
