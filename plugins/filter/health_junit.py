# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_junit
short_description: Health checks as JUnit XML
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns the results of M(farol.vps.health_check) into JUnit XML, which CI servers show as tests. Each host is a suite, each
    check a case.
  - Results may have a C(host) and a C(seen_from), as P(farol.vps.health_collect#filter) gives them.
positional: _input
options:
  _input:
    description: The RV(farol.vps.health_check#module:checks) of one task, or a list of them.
    type: list
    elements: raw
    required: true
  name:
    description: Name of the whole.
    type: str
    default: farol.vps.verify
  when:
    description: Time of the checks, as ISO 8601.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Hand the results to the CI server
  delegate_to: localhost
  ansible.builtin.copy:
    content: "{{ health.checks | farol.vps.health_junit }}"
    dest: health.xml
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The document.
  type: str
  sample: |-
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="farol.vps.verify" tests="1" failures="0" errors="0" time="0.012">
      <testsuite name="vps-1" tests="1" failures="0" errors="0" time="0.012">
        <testcase classname="vps-1.outside" name="api" time="0.012"/>
      </testsuite>
    </testsuites>
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._report import ReportError, flat, junit


def health_junit(results: Any, name: str = "farol.vps.verify", when: str = "") -> str:
    """JUnit XML of the checks."""
    try:
        return junit(flat(results, "health_junit"), name, when)
    except ReportError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"health_junit": health_junit}
