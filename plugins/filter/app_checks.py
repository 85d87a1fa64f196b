# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: app_checks
short_description: Health checks of a list of applications
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns C(apps) into checks for M(farol.vps.health_check) that ask every domain of every
    application for its health, over HTTPS, as a visitor would.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  address:
    description: Address to connect to, where the domains don't resolve to the host.
    type: str
  ca_file:
    description: File of the certificate authority to trust, in place of the system's.
    type: path
"""

EXAMPLES = r"""
- name: Check the applications
  farol.vps.health_check:
    checks: "{{ apps | farol.vps.app_checks(address='203.0.113.5') }}"
"""

RETURN = r"""
_value:
  description: One check for each domain.
  type: list
  elements: dict
  sample:
    - name: api
      type: http
      url: https://api.example.com/health
      status: [200]
      address: 203.0.113.5
"""

from ansible_collections.farol.vps.plugins.plugin_utils._apps import health_checks


class FilterModule:
    def filters(self):
        return {"app_checks": health_checks}
