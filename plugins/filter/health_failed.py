# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_failed
short_description: The health checks that failed
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Of the results of M(farol.vps.health_check), those that did not pass, as one list.
positional: _input
options:
  _input:
    description: The RV(farol.vps.health_check#module:checks) of one task, or a list of them.
    type: list
    elements: raw
    required: true
"""

EXAMPLES = r"""
- name: Fail when something else than the search is down
  ansible.builtin.assert:
    that: health.checks | farol.vps.health_failed | rejectattr('name', 'equalto', 'search') | length == 0
"""

RETURN = r"""
_value:
  description: The failed checks, as they were given.
  type: list
  elements: dict
  sample:
    - name: api
      state: failed
      seen: 200, status = "degraded"
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._report import ReportError, flat, passed


def health_failed(results: Any) -> list[dict[str, Any]]:
    """The checks that did not pass."""
    try:
        return [check for check in flat(results, "health_failed") if not passed(check)]
    except ReportError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"health_failed": health_failed}
