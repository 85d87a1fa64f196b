#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: config_lines
short_description: Set single lines in many files of the distribution in one round trip
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - For files that belong to a package and of which only some lines are to be other ones. Files that are all yours
    are better written by M(farol.vps.config_tree).
  - Each file is written once and atomically, and keeps its owner and mode.
  - Files that are not there are left out and named.
attributes:
  check_mode:
    description: Predicts the changes without writing.
    support: full
  diff_mode:
    description: Shows the files before and after.
    support: full
  idempotent:
    description: Writes nothing when the lines are there.
    support: full
options:
  lines:
    description: The lines to have.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: File to look into.
        type: path
        required: true
      regexp:
        description: Regular expression for the lines that it replaces. The last of them is replaced, the others go.
        type: str
        required: true
      line:
        description: The line, which has to match O(lines[].regexp).
        type: str
        required: true
      before:
        description: Regular expression for the line before which it goes if it replaces none; the end of the file otherwise.
        type: str
        default: ""
"""

EXAMPLES = r"""
- name: Make new files private
  farol.vps.config_lines:
    lines:
      - path: /etc/login.defs
        regexp: '^UMASK\s'
        line: UMASK 027
"""

RETURN = r"""
files:
  description: Files that were changed.
  returned: always
  type: list
  elements: str
  sample: [/etc/login.defs]
missing:
  description: Files that are not there.
  returned: always
  type: list
  elements: str
  sample: [/etc/security/faillock.conf]
"""

import os
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._lines import Line, amend


def main() -> None:
    line_spec = {
        "path": {"type": "path", "required": True},
        "regexp": {"type": "str", "required": True},
        "line": {"type": "str", "required": True},
        "before": {"type": "str", "default": ""},
    }
    module = AnsibleModule(
        argument_spec={
            "lines": {"type": "list", "elements": "dict", "required": True, "options": line_spec}
        },
        supports_check_mode=True,
    )
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    missing: set[str] = set()
    for wanted in (Line(**each) for each in module.params["lines"]):
        _require_expressions(module, wanted)
        if not re.search(wanted.regexp, wanted.line):
            module.fail_json(
                msg=f"{wanted.line!r} does not match {wanted.regexp!r}, and would be added with each run; correct one of them"
            )
        if wanted.path not in before:
            try:
                with open(wanted.path, encoding="utf-8", errors="surrogateescape") as stream:
                    before[wanted.path] = after[wanted.path] = stream.read()
            except FileNotFoundError:
                missing.add(wanted.path)
                continue
        after[wanted.path] = amend(after[wanted.path], wanted)
    changed = [path for path, text in after.items() if text != before[path]]
    if not module.check_mode:
        for path in changed:
            _write(module, path, after[path])
    module.exit_json(
        changed=bool(changed),
        files=changed,
        missing=sorted(missing),
        diff=[
            {
                "before": before[path],
                "after": after[path],
                "before_header": path,
                "after_header": path,
            }
            for path in changed
        ],
    )


def _require_expressions(module: AnsibleModule, wanted: Line) -> None:
    for option in ("regexp", "before"):
        text = getattr(wanted, option)
        try:
            re.compile(text)
        except re.error as error:
            module.fail_json(
                msg=f"{wanted.path}: {option}: {text!r} is no regular expression: {error}"
            )


def _write(module: AnsibleModule, path: str, text: str) -> None:
    real = os.path.realpath(path)
    handle, name = tempfile.mkstemp(dir=module.tmpdir)
    with open(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
    module.atomic_move(name, real)


if __name__ == "__main__":
    main()
