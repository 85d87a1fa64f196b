# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_outside
short_description: What is to be checked of a host's applications from outside
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns C(apps) into checks for M(farol.vps.health_check) on another machine. Every domain is asked as a visitor would, and the
    ports of the containers and of Docker's API have to be closed.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  address:
    description: Address of the host.
    type: str
    required: true
  ca_file:
    description: File of the certificate authority to trust, in place of the system's.
    type: path
  closed:
    description: Names of applications in maintenance, which may answer 503.
    type: list
    elements: str
    default: []
  min_days:
    description: Days that certificates must still be valid.
    type: int
    default: 0
  inner_ports:
    description: Whether to look at the ports that have to be closed, which takes two seconds where a firewall drops.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Look from outside
  delegate_to: localhost
  farol.vps.health_check:
    checks: "{{ apps | farol.vps.verify_outside('203.0.113.5', min_days=14) }}"
"""

RETURN = r"""
_value:
  description: The checks.
  type: list
  elements: dict
  sample:
    - name: api
      type: http
      url: https://api.example.com/health
      status: [200]
      address: 203.0.113.5
    - name: api blue closed
      type: tcp
      host: 203.0.113.5
      port: 21204
      state: closed
"""

from ansible_collections.farol.vps.plugins.plugin_utils._verify import from_outside


class FilterModule:
    def filters(self):
        return {"verify_outside": from_outside}
