# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: app_selected
short_description: Some of a list of applications, perhaps in another version
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - What C(deploy.yml -e app=api -e version=1.4.3) means to the list of applications.
  - Fails when there is no such application, or when a version is given for more than one.
  - Of an application that only other hosts of the play have, a host has none.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  only:
    description: Name of the application to take. All of them when empty.
    type: str
    default: ""
  version:
    description: The version to take it in. The entry's own when empty.
    type: str
    default: ""
  hosts:
    description: The hosts of the play.
    type: list
    elements: str
    default: []
  hostvars:
    description: The variables of all hosts.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show what would be released
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.app_selected('api', '1.4.3') }}"
"""

RETURN = r"""
_value:
  description: The entries.
  type: list
  elements: dict
  sample: [{name: api, version: 1.4.3}]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean


def app_selected(apps, only="", version="", hosts=(), hostvars=None):
    names = [app["name"] for app in apps]
    if only and only not in names:
        elsewhere = [app["name"] for host in hosts for app in hostvars[host].get("apps") or []]
        if only in elsewhere:
            return []
        names = sorted({*names, *elsewhere})
        raise AnsibleFilterError(
            f"there is no application {only} in apps, which has {', '.join(names) or 'none'}{did_you_mean(only, names)}"
        )
    chosen = [app for app in apps if not only or app["name"] == only]
    if not version:
        return chosen
    if len(chosen) > 1:
        raise AnsibleFilterError(
            f"a version goes with one application: name it with app={' or app='.join(names)}"
        )
    return [{**app, "version": str(version)} for app in chosen]


class FilterModule:
    def filters(self):
        return {"app_selected": app_selected}
