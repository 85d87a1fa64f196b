# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: load_scenarios
short_description: The load tests that a list of applications asks for
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns the C(load_test) of each entry of C(apps) into options of M(farol.vps.load_test), and refuses what can't be run.
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
    default: ""
  ca_file:
    description: File of the certificate authority to trust, in place of the system's.
    type: path
"""

EXAMPLES = r"""
- name: Show what would be sent
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.load_scenarios }}"
"""

RETURN = r"""
_value:
  description: One for each application that has a load test.
  type: list
  elements: dict
  sample:
    - name: api
      options: {url: https://api.example.com, paths: [{path: /}], requests_per_second: 50, seconds: 30}
      max_failed_percent: 0
      drain: {}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._load import LoadError, scenarios


def load_scenarios(apps, address="", ca_file=None):
    try:
        return scenarios(apps, address, ca_file)
    except LoadError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"load_scenarios": load_scenarios}
