# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: app_public
short_description: An application without its secret environment
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Takes C(secrets) out of an C(apps) entry, its services and its accessories, so that the rest may be shown.
  - Leaves out what concerns Nginx or Sentry alone, which is no part of a release.
options:
  _input:
    description: One entry of C(apps).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be released
  ansible.builtin.debug:
    var: api | farol.vps.app_public
"""

RETURN = r"""
_value:
  description: The entry without its secrets.
  type: dict
  sample: {name: api, image: ghcr.io/acme/api, version: 1.4.2}
"""

from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._apps import TO_THE_EDGE

NESTED = ("services", "accessories")


def _without_secrets(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "secrets"}


# What concerns Nginx alone makes no release, and may hold passwords' hashes.
EDGE = (*TO_THE_EDGE, "paths")
# What containers need of it is in env and secrets.
SENTRY = "sentry"


def app_public(app: dict[str, Any]) -> dict[str, Any]:
    public = {
        key: value for key, value in _without_secrets(app).items() if key not in (*EDGE, SENTRY)
    }
    if app.get("source"):
        public["source"] = {key: value for key, value in app["source"].items() if key != "token"}
    for group in NESTED:
        if app.get(group):
            public[group] = {
                name: _without_secrets(entry or {}) for name, entry in app[group].items()
            }
    return public


class FilterModule:
    def filters(self):
        return {"app_public": app_public}
