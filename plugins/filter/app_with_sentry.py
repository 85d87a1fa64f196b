# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: app_with_sentry
short_description: Applications with what Sentry's SDKs read in every container
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives each entry of C(apps) with C(sentry) the variables E(SENTRY_RELEASE) and E(SENTRY_ENVIRONMENT), and E(SENTRY_DSN) as a secret.
  - What an entry sets itself stays. An entry without C(sentry) is left as it is.
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the environment of the containers
  ansible.builtin.debug:
    msg: "{{ apps | farol.vps.app_with_sentry | map(attribute='env') }}"
"""

RETURN = r"""
_value:
  description: The entries.
  type: list
  elements: dict
  sample: [{name: api, version: 1.4.2, env: {SENTRY_RELEASE: api@1.4.2, SENTRY_ENVIRONMENT: production}}]
"""

from ansible_collections.farol.vps.plugins.plugin_utils._sentry_apps import with_sentry


def app_with_sentry(apps):
    return [with_sentry(app) for app in apps]


class FilterModule:
    def filters(self):
        return {"app_with_sentry": app_with_sentry}
