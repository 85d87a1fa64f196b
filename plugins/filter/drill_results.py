# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_results
short_description: The reports of restore drills, a line for each source and repository
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads the reports that drills have left on a host; a missing one is a failure.
positional: _input, drills
options:
  _input:
    description: The results of M(ansible.builtin.slurp) over the reports that C(farol-drill) leaves on a host.
    type: list
    elements: dict
    required: true
  drills:
    description: The results of the M(ansible.builtin.command) that has started these drills. Of one that failed the report may be an older one.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show what came back
  ansible.builtin.debug:
    msg: "{{ farol_reports.results | farol.vps.drill_results(farol_drills.results) | map(attribute='line') }}"
"""

RETURN = r"""
_value:
  description: Whether each drill passed, and a line on it.
  type: list
  elements: dict
  sample:
    - ok: true
      line: "main from spaces: 20261125-023112F restored in 12.1 s, data from 2026-11-25T02:31:40Z; 3 databases with 12 tables answer"
"""

import base64
import json


def drill_results(results, drills=()):
    failed = {drill["item"] for drill in drills if drill.get("rc", 1) != 0}
    found = []
    for result in results:
        if "content" not in result:
            line = f"{result['item']}: there is no report; look at 'journalctl -u farol-drill@{result['item']}' on the host"
            found.append({"ok": False, "line": line})
            continue
        report = json.loads(base64.b64decode(result["content"]))
        if report["source"] in failed and all(drill["ok"] for drill in report["results"]):
            # One that was killed or refused has left the report of the drill before it.
            line = f"{report['source']}: the drill failed; look at 'journalctl -u farol-drill@{report['source']}' on the host"
            found.append({"ok": False, "line": line})
            continue
        for drill in report["results"]:
            where = f"{report['source']} from {drill['repository']}"
            if drill["ok"]:
                line = (
                    f"{where}: {drill['backup']} restored in {drill['seconds']} s, data from {drill['data_from']}; "
                    f"{', '.join(drill['checks'])}"
                )
            else:
                line = f"{where}: {drill['error']}"
            found.append({"ok": drill["ok"], "line": line})
    return found


class FilterModule:
    def filters(self):
        return {"drill_results": drill_results}
