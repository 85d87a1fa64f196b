# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: app_secrets
short_description: The secret environment of an application
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Takes the C(secrets) of an C(apps) entry, its services and its accessories, in the shape that
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
  description:
    - Under C(app) the entry's own secrets, under C(source) the token of its repository, under C(services) and
      C(accessories) those of each that has some.
  type: dict
  sample: {app: {DATABASE_URL: "postgresql://…"}, source: {}, services: {}, accessories: {postgres: {POSTGRES_PASSWORD: "…"}}}
"""

from typing import Any


def app_secrets(app: dict[str, Any]) -> dict[str, Any]:
    return {
        "app": app.get("secrets") or {},
        "source": {
            key: value for key, value in (app.get("source") or {}).items() if key == "token"
        },
        **{group: _of_each(app.get(group)) for group in ("services", "accessories")},
    }


def _of_each(entries: dict[str, Any] | None) -> dict[str, Any]:
    return {
        name: entry["secrets"]
        for name, entry in (entries or {}).items()
        if (entry or {}).get("secrets")
    }


class FilterModule:
    def filters(self):
        return {"app_secrets": app_secrets}
