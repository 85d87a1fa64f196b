# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: app_public
short_description: An application without its secret environment
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Takes C(secrets) out of an C(apps) entry and out of its accessories, so that the rest may be shown.
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


def _without_secrets(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "secrets"}


def app_public(app: dict[str, Any]) -> dict[str, Any]:
    public = _without_secrets(app)
    if app.get("accessories"):
        public["accessories"] = {
            name: _without_secrets(entry) for name, entry in app["accessories"].items()
        }
    return public


class FilterModule:
    def filters(self):
        return {"app_public": app_public}
