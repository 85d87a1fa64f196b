# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: csp
short_description: A Content-Security-Policy from a dictionary
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Writes the value of the header C(Content-Security-Policy) from directives and their sources. Keywords and hashes may
    be given without their quotes.
  - Fails on what a browser would ignore or misunderstand, such as an unknown directive, V(none) beside other sources, or a
    nonce, which has to be new with each answer and can therefore only come from the application.
positional: _input
options:
  _input:
    description: Lists of sources by directive, as in CSP Level 3. A directive without a value is V(true).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show a policy
  ansible.builtin.debug:
    msg: "{{ {'default-src': ['self'], 'img-src': ['self', 'data:'], 'frame-ancestors': ['none']} | farol.vps.csp }}"
    # default-src 'self'; img-src 'self' data:; frame-ancestors 'none'
"""

RETURN = r"""
_value:
  description: The header's value.
  type: str
  sample: default-src 'self'; frame-ancestors 'none'
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._csp import policy


def csp(directives):
    try:
        return policy(directives)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"csp": csp}
