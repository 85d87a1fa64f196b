# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_faults
short_description: What is wrong with a list of sites
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Finds what C(nginx -t) would find late or never, such as two sites with one domain, a directive that no browser knows,
    or a password that is not hashed.
positional: _input
options:
  _input:
    description: The sites, as the role P(farol.vps.nginx#role) takes them in C(nginx_sites).
    type: list
    elements: dict
    required: true
  tls:
    description: Where certificates come from unless a site says otherwise.
    type: str
    default: local_ca
  headers:
    description: Headers that all sites send.
    type: dict
    default: {}
  csp:
    description: Content-Security-Policy of the sites without one of their own.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check the sites
  ansible.builtin.assert:
    that: __faults | length == 0
    fail_msg: "{{ __faults | join('; ') }}"
  vars:
    __faults: "{{ nginx_sites | farol.vps.nginx_faults }}"
"""

RETURN = r"""
_value:
  description: One line for each fault, empty when all is well.
  type: list
  elements: str
  sample: ["api: csp: default-scr is no directive of CSP Level 3; did you mean default-src?"]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._csp import csp_faults
from ansible_collections.farol.vps.plugins.plugin_utils._nginx_faults import (
    header_faults,
    site_faults,
)


def nginx_faults(sites, tls="local_ca", headers=None, csp=None):
    return [
        *(f"nginx_{fault}" for fault in header_faults(headers or {})),
        *(f"nginx_csp: {fault}" for fault in csp_faults(csp or {})),
        *site_faults(sites, tls),
    ]


class FilterModule:
    def filters(self):
        return {"nginx_faults": nginx_faults}
