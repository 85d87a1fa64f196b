# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: digitalocean_uptime_checks
short_description: Uptime checks of a list of applications
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Turns C(apps) into checks for M(farol.vps.digitalocean_monitoring), one for each application, of its domain and the path of
    its health, over HTTPS.
  - An application that lets only some addresses or users in is left out, since DigitalOcean is none of them.
positional: _input
options:
  _input:
    description: The applications, as the role P(farol.vps.app#role) takes them.
    type: list
    elements: dict
    required: true
  latency:
    description: Milliseconds above which answers are slow. No alert for it when 0.
    type: int
    default: 2000
  certificate_days:
    description: Days before the end of a certificate. No alert for it when 0.
    type: int
    default: 14
  down_period:
    description: For how long an application has to be down.
    type: str
    default: 2m
  regions:
    description: Where it is asked from. Those of the module unless set.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Have DigitalOcean look at the applications
  delegate_to: localhost
  farol.vps.digitalocean_monitoring:
    token: "{{ vault_digitalocean_token }}"
    email: [ops@example.com]
    uptime_checks: "{{ apps | farol.vps.digitalocean_uptime_checks(latency=1500) }}"
"""

RETURN = r"""
_value:
  description: One check for each application.
  type: list
  elements: dict
  sample:
    - name: api
      target: https://api.example.com/health/ready
      down: {period: 2m}
      latency: {threshold: 2000}
      certificate: {days: 14}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._apps import HEALTH_PATH


def digitalocean_uptime_checks(
    apps, latency=2000, certificate_days=14, down_period="2m", regions=None
):
    alerts = {
        "down": {"period": down_period},
        "latency": {"threshold": int(latency)} if int(latency) else None,
        "certificate": {"days": int(certificate_days)} if int(certificate_days) else None,
        "regions": regions,
    }
    return [
        {
            "name": app["name"],
            "target": f"https://{app['domain']}{(app.get('health') or {}).get('path') or HEALTH_PATH}",
            **{key: value for key, value in alerts.items() if value},
        }
        for app in apps
        if not app.get("allow") and not app.get("users")
    ]


class FilterModule:
    def filters(self):
        return {"digitalocean_uptime_checks": digitalocean_uptime_checks}
