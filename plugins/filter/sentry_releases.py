# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sentry_releases
short_description: The releases at Sentry that follow from applications
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - What the role P(farol.vps.sentry#role) gives to M(farol.vps.sentry_release), from entries of C(apps) with C(sentry.project).
  - Before a release these are the versions of the entries, with the commits since what serves.
  - After it these are what serves, with when that was released. So a release that failed is not among them, and one that Sentry could not be told
    of is when the next run asks.
positional: _input, served
options:
  _input:
    description: The applications.
    type: list
    elements: dict
    required: true
  served:
    description: What M(farol.vps.app_release_info) says, by the name of the application.
    type: dict
    default: {}
  deployed:
    description: Give what serves, in place of what is to be created.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what would be created
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.sentry_releases }}"
"""

RETURN = r"""
_value:
  description: The releases.
  type: list
  elements: dict
  sample:
    - version: api@1.4.2
      projects: [api]
      git: {path: ~/src/api, version: 1.4.2, previous: 1.4.1, ignore_missing: true}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError
from ansible_collections.farol.vps.plugins.plugin_utils._sentry_apps import (
    deployed as deployed_of,
)
from ansible_collections.farol.vps.plugins.plugin_utils._sentry_apps import (
    to_create,
)


def sentry_releases(apps, served=None, deployed=False):
    chosen = [app for app in apps if (app.get("sentry") or {}).get("project")]
    try:
        return (deployed_of if deployed else to_create)(chosen, served or {})
    except SentryError as error:
        raise AnsibleFilterError(f"sentry_releases: {error}") from error


class FilterModule:
    def filters(self):
        return {"sentry_releases": sentry_releases}
