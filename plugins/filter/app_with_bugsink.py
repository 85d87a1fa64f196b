# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: app_with_bugsink
short_description: Applications with a Bugsink among them
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Adds the entry of C(apps) that C(sentry_bugsink) of the role P(farol.vps.sentry#role) describes, with its site, its health, its secrets,
    its volume and what is backed up of it. The playbooks of this collection do so by themselves.
  - An empty description adds nothing, and one whose entry is there already adds no second.
positional: _input, bugsink
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  bugsink:
    description: What C(sentry_bugsink) holds.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Release the applications without the playbooks of the collection
  hosts: web1
  become: true
  vars:
    apps: "{{ own_apps | farol.vps.app_with_bugsink(sentry_bugsink) }}"
  roles:
    - role: farol.vps.docker
    - role: farol.vps.nginx
    - role: farol.vps.app
"""

RETURN = r"""
_value:
  description: The entries, with Bugsink's at the end.
  type: list
  elements: dict
  sample: [{name: bugsink, domain: errors.example.com, image: bugsink/bugsink, version: 2.6.2, port: 8000}]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._bugsink import with_bugsink


def app_with_bugsink(apps, bugsink):
    try:
        return with_bugsink(apps, bugsink)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"app_with_bugsink": app_with_bugsink}
