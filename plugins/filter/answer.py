# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: answer
short_description: What somebody typed, as text
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - AWX hands an answer to a survey over as YAML, and ansible-core reads V(5) as a number, V(2026-11-25) as a date and nothing at all as
    null, whatever the question was. This gives the text back.
  - Fails where that cannot be known, since V(1.10) has become the number 1.1. In double quotes an answer stays what it is, and
    the quotes are left out.
positional: _input
options:
  _input:
    description: The answer.
    type: raw
    required: true
  name:
    description: What was asked for, named when it fails.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say what is to be released
  ansible.builtin.debug:
    msg: "{{ app | default('') | farol.vps.answer('app') }} {{ version | default('') | farol.vps.answer('version') }}"
"""

RETURN = r"""
_value:
  description: The text. Empty for no answer.
  type: str
  sample: "1.10"
"""

import datetime

from ansible.errors import AnsibleFilterError


def answer(value, name):
    if value is None:
        return ""
    if isinstance(value, str):
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        return value[1:-1] if quoted else value
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    kind = "something else than text"
    if isinstance(value, (bool, float)):
        kind = "true or false" if isinstance(value, bool) else "a number"
    raise AnsibleFilterError(
        f'{name}: the answer has been read as {kind}, {value}; put it in double quotes, as in "1.10"'
    )


class FilterModule:
    def filters(self):
        return {"answer": answer}
