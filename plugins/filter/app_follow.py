# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: app_follow
short_description: Files from which a host follows the tags of its applications
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - For each application with C(follow), the arguments of M(farol.vps.app_release) as JSON. They hold its secrets, so
    the files are for root alone.
positional: _input, settings, host, hosts, hostvars
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  settings:
    description: Arguments of M(farol.vps.app_release) that are the same for all of them.
    type: dict
    required: true
  host:
    description: The host.
    type: str
    required: true
  hosts:
    description: All hosts of the inventory, in their order.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which files a host would get
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.app_follow({}, inventory_hostname, groups['all'], hostvars) | list }}"
"""

RETURN = r"""
_value:
  description: The path of each file, relative to the root folder, with its content.
  type: dict
  sample: {etc/farol/follow/api.json: "{…}"}
"""

import json

from ansible_collections.farol.vps.plugins.filter.app_public import app_public
from ansible_collections.farol.vps.plugins.filter.app_secrets import app_secrets
from ansible_collections.farol.vps.plugins.filter.app_singletons import app_singletons
from ansible_collections.farol.vps.plugins.plugin_utils._apps import ports


def app_follow(apps, settings, host, hosts, hostvars):
    return {
        f"etc/farol/follow/{app['name']}.json": json.dumps(
            {
                **settings,
                "app": app_public(app),
                "secrets": app_secrets(app),
                "ports": ports(app),
                "singletons": app_singletons(app, host, hosts, hostvars),
            },
            indent=2,
            sort_keys=True,
        )
        + "\n"
        for app in apps
        if app.get("follow")
    }


class FilterModule:
    def filters(self):
        return {"app_follow": app_follow}
