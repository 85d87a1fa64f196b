# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: app_secrets
short_description: The secret environment of an application
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Takes the C(secrets) of an C(apps) entry and of its accessories, in the shape that
    M(farol.vps.app_release) expects them in.
options:
  _input:
    description: One entry of C(apps).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Pass them apart from the rest
  farol.vps.app_release:
    app: "{{ api | farol.vps.app_public }}"
    secrets: "{{ api | farol.vps.app_secrets }}"
    ports: "{{ api | farol.vps.app_ports }}"
"""

RETURN = r"""
_value:
  description: Under C(app) the entry's own secrets, under C(accessories) those of each accessory.
  type: dict
  sample: {app: {DATABASE_URL: "postgresql://…"}, accessories: {postgres: {POSTGRES_PASSWORD: "…"}}}
"""

from typing import Any


def app_secrets(app: dict[str, Any]) -> dict[str, Any]:
    accessories = app.get("accessories") or {}
    return {
        "app": app.get("secrets") or {},
        "accessories": {name: entry.get("secrets") or {} for name, entry in accessories.items()},
    }


class FilterModule:
    def filters(self):
        return {"app_secrets": app_secrets}
