# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: runbook_alerts
short_description: What to do about each alert, as HTML
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads the sections of C(docs/alerts.md).
positional: _input
options:
  _input:
    description: The page, in Markdown.
    type: str
    required: true
  documentation:
    description: Address that links to other pages of the documentation begin with.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Name the alerts
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'docs/alerts.md') | farol.vps.runbook_alerts('https://example.com/docs') | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: One entry for each alert; C(means), C(look) and C(mend) are HTML.
  type: list
  elements: dict
  sample:
    - {name: DiskFull, group: Hosts, means: <p>…</p>, look: <p>…</p>, mend: <p>…</p>}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._runbooks_text import alerts


def runbook_alerts(markdown, documentation):
    try:
        return alerts(markdown, documentation)
    except ValueError as error:
        raise AnsibleFilterError(f"docs/alerts.md: {error}") from error


class FilterModule:
    def filters(self):
        return {"runbook_alerts": runbook_alerts}
