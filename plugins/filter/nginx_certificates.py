# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: nginx_certificates
short_description: The certificates that a list of sites needs
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives the module M(farol.vps.certificates) what it takes, one certificate for each site with all of its names.
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
  certificate:
    description: Certificate chain of the sites with V(files) that name none.
    type: str
    default: ''
  key:
    description: The key of O(certificate).
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Show which certificates are needed
  ansible.builtin.debug:
    msg: "{{ nginx_sites | farol.vps.nginx_certificates(tls='acme') }}"
"""

RETURN = r"""
_value:
  description: One certificate for each site.
  type: list
  elements: dict
  sample: [{name: api, domains: [api.example.com], source: acme}]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._nginx import certificates


def nginx_certificates(sites, tls="local_ca", certificate="", key=""):
    return certificates(sites, tls, certificate, key)


class FilterModule:
    def filters(self):
        return {"nginx_certificates": nginx_certificates}
