# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_report
short_description: Health checks as a page of HTML
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns the results of M(farol.vps.health_check) into one page of HTML that loads nothing from elsewhere, the failed checks first.
  - What a host or a server answered is escaped.
positional: _input
options:
  _input:
    description: The RV(farol.vps.health_check#module:checks) of one task, or a list of them.
    type: list
    elements: raw
    required: true
  title:
    description: Title of the page.
    type: str
    default: Health checks
  when:
    description: Time of the checks, shown below the title.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Write a page to send around
  delegate_to: localhost
  ansible.builtin.copy:
    content: "{{ health.checks | farol.vps.health_report(title='Production') }}"
    dest: health.html
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The page.
  type: str
  sample: <!DOCTYPE html>…
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._report import ReportError, flat
from ansible_collections.farol.vps.plugins.plugin_utils._report_html import health_page


def health_report(results: Any, title: str = "Health checks", when: str = "") -> str:
    """The page of the checks."""
    try:
        return health_page(flat(results, "health_report"), title, when)
    except ReportError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"health_report": health_report}
