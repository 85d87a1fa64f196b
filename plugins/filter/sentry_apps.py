# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sentry_apps
short_description: The applications that a host tells Sentry of
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Sentry is told once of a release, however many hosts serve it. The first host of a play that has an application tells of it.
  - Only entries with C(sentry.project) are told of.
positional: _input, host, hosts, hostvars, only, version
options:
  _input:
    description: The applications of the host, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  host:
    description: The host.
    type: str
    required: true
  hosts:
    description: The hosts of the play, in their order.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  only:
    description: Name of the application to take. All of them when empty.
    type: str
    default: ""
  version:
    description: The version to take it in. The entry's own when empty.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show what this host tells of
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.sentry_apps(inventory_hostname, ansible_play_hosts, hostvars) | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The entries.
  type: list
  elements: dict
"""

from ansible_collections.farol.vps.plugins.plugin_utils._sentry_apps import told_of


def sentry_apps(apps, host, hosts, hostvars, only="", version=""):
    return told_of(apps, host, hosts, hostvars, only, version)


class FilterModule:
    def filters(self):
        return {"sentry_apps": sentry_apps}
