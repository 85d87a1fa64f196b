#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_monitoring
short_description: Alert policies and uptime checks at DigitalOcean
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Has DigitalOcean watch from outside what a host cannot tell once it is down. Alert policies look at Droplets, uptime
    checks at addresses of any host, wherever it stands.
  - Entries are known by their names. What differs is updated, and nothing is created twice.
  - All entries are looked at before the first change. A run that ends midway is completed by the next one.
requirements:
  - pydo 0.11 or newer, where the module runs
notes:
  - Run it on the controller, with C(delegate_to=localhost) and C(run_once=true).
  - Alert policies need DigitalOcean's agent on the Droplet, which Droplets made by M(farol.vps.digitalocean_droplet) have.
  - DigitalOcean only writes to addresses that are verified in the account.
attributes:
  check_mode:
    description: Reads what there is and tells what would be done.
    support: full
  diff_mode:
    description: Shows what is created, updated and removed. A Slack webhook is shown as a digest.
    support: full
  idempotent:
    description: A second run finds everything as wanted.
    support: full
options:
  token:
    description: Token of DigitalOcean's API, with the scopes C(monitoring), C(uptime) and, for names of Droplets, C(droplet:read).
    type: str
    required: true
  endpoint:
    description: Address of the API, over HTTPS.
    type: str
    default: https://api.digitalocean.com
  ca_file:
    description: File with the authority to trust, in place of Python's.
    type: path
  email:
    description: Who is told, unless an entry says otherwise.
    type: list
    elements: str
    default: []
  slack:
    description: Slack channels that are told, unless an entry says otherwise.
    type: list
    elements: dict
    default: []
    suboptions: &slack
      channel:
        description: Name of the channel.
        type: str
        required: true
      url:
        description: The webhook, which is a secret.
        type: str
        required: true
  alert_policies:
    description: Limits for Droplets. Policies are left alone when this is not set.
    type: list
    elements: dict
    suboptions:
      name:
        description: What it is known by, DigitalOcean's description of the policy.
        type: str
        required: true
      metric:
        description: What is measured, in percent, or the load over 1, 5 or 15 minutes.
        type: str
        choices: [cpu, memory, disk, load_1, load_5, load_15]
        required: true
      threshold:
        description: The limit, in percent or as a load.
        type: float
        required: true
      compare:
        description: On which side of O(alert_policies[].threshold) it alerts.
        type: str
        choices: [above, below]
        default: above
      window:
        description: For how long.
        type: str
        choices: [5m, 10m, 30m, 1h]
        default: 5m
      droplets:
        description:
          - Names or IDs of Droplets.
          - The policy is for all Droplets of the account when this and O(alert_policies[].tags) are empty.
        type: list
        elements: str
        default: []
      tags:
        description: Tags of Droplets.
        type: list
        elements: str
        default: []
      enabled:
        description: Whether it alerts.
        type: bool
        default: true
      email:
        description: Who is told, in place of O(email).
        type: list
        elements: str
      slack:
        description: Slack channels that are told, in place of O(slack).
        type: list
        elements: dict
        suboptions: *slack
  uptime_checks:
    description: Addresses that are asked from outside. Checks are left alone when this is not set.
    type: list
    elements: dict
    suboptions:
      name:
        description: What it is known by. Its alerts have this name, a colon, and C(down), C(latency) or C(certificate).
        type: str
        required: true
      target:
        description: The address that is asked.
        type: str
        required: true
      type:
        description: How it is asked. What O(uptime_checks[].target) begins with unless set, and V(ping) for a bare host.
        type: str
        choices: [ping, http, https]
      regions:
        description: Where it is asked from.
        type: list
        elements: str
        choices: [us_east, us_west, eu_west, se_asia]
        default: [us_east, eu_west]
      enabled:
        description: Whether it is asked.
        type: bool
        default: true
      down:
        description: Alert when it does not answer. None unless set.
        type: dict
        suboptions:
          period:
            description: For how long.
            type: str
            choices: [2m, 3m, 5m, 10m, 15m, 30m, 1h]
            default: 2m
          everywhere:
            description: Whether all regions have to agree.
            type: bool
            default: false
      latency:
        description: Alert when answers are slow. None unless set.
        type: dict
        suboptions:
          threshold:
            description: Milliseconds.
            type: int
            required: true
          period:
            description: For how long.
            type: str
            choices: [2m, 3m, 5m, 10m, 15m, 30m, 1h]
            default: 5m
      certificate:
        description: Alert before the certificate ends. None unless set.
        type: dict
        suboptions:
          days:
            description: How many days before.
            type: int
            default: 14
      email:
        description: Who is told, in place of O(email).
        type: list
        elements: str
      slack:
        description: Slack channels that are told, in place of O(slack).
        type: list
        elements: dict
        suboptions: *slack
  purge:
    description:
      - Whether to remove what is not listed, whoever made it. That is, with O(alert_policies), policies on metrics that this module knows; with
        O(uptime_checks), checks, and alerts of the listed checks.
      - An alert that this module made, and that its check no longer has, goes in any case.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Have DigitalOcean look at the hosts and the applications
  delegate_to: localhost
  become: false
  run_once: true
  farol.vps.digitalocean_monitoring:
    token: "{{ vault_digitalocean_token }}"
    email: [ops@example.com]
    slack: [{channel: "#ops", url: "{{ vault_slack_webhook }}"}]
    alert_policies:
      - {name: vps CPU, metric: cpu, threshold: 90, window: 10m, tags: [farol]}
      - {name: vps memory, metric: memory, threshold: 90, tags: [farol]}
      - {name: vps disk, metric: disk, threshold: 85, tags: [farol]}
      - {name: vps load, metric: load_5, threshold: 8, tags: [farol]}
    uptime_checks: "{{ apps | farol.vps.digitalocean_uptime_checks }}"
"""

RETURN = r"""
done:
  description: What was done, or would be in check mode, in order.
  returned: success
  type: list
  elements: str
  sample: ["create alert policy 'vps CPU'", "update uptime check 'api'"]
alert_policies:
  description: The ID of each listed policy.
  returned: success
  type: dict
  sample: {vps CPU: 78b3da62-27e5-49ba-ac70-5db0b5935c64}
uptime_checks:
  description: The ID of each listed check.
  returned: success
  type: dict
  sample: {api: 5a4981aa-9653-4bd1-bef5-d6bff52042e4}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.farol.vps.plugins.module_utils import _digitalocean
from ansible_collections.farol.vps.plugins.module_utils._digitalocean_monitoring import (
    METRICS,
    PERIODS,
    REGIONS,
    TYPES,
    WINDOWS,
)
from ansible_collections.farol.vps.plugins.module_utils._digitalocean_watch import Watch

SLACK = {
    "channel": {"type": "str", "required": True},
    "url": {"type": "str", "required": True, "no_log": True},
}
RECEIVERS = {
    "email": {"type": "list", "elements": "str"},
    "slack": {"type": "list", "elements": "dict", "options": SLACK},
}
POLICY = {
    "name": {"type": "str", "required": True},
    "metric": {"type": "str", "choices": list(METRICS), "required": True},
    "threshold": {"type": "float", "required": True},
    "compare": {"type": "str", "choices": ["above", "below"], "default": "above"},
    "window": {"type": "str", "choices": list(WINDOWS), "default": "5m"},
    "droplets": {"type": "list", "elements": "str", "default": []},
    "tags": {"type": "list", "elements": "str", "default": []},
    "enabled": {"type": "bool", "default": True},
    **RECEIVERS,
}
DOWN = {
    "period": {"type": "str", "choices": list(PERIODS), "default": "2m"},
    "everywhere": {"type": "bool", "default": False},
}
LATENCY = {
    "threshold": {"type": "int", "required": True},
    "period": {"type": "str", "choices": list(PERIODS), "default": "5m"},
}
CHECK = {
    "name": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "type": {"type": "str", "choices": list(TYPES)},
    "regions": {
        "type": "list",
        "elements": "str",
        "choices": list(REGIONS),
        "default": ["us_east", "eu_west"],
    },
    "enabled": {"type": "bool", "default": True},
    "down": {"type": "dict", "options": DOWN},
    "latency": {"type": "dict", "options": LATENCY},
    "certificate": {"type": "dict", "options": {"days": {"type": "int", "default": 14}}},
    **RECEIVERS,
}
ARGUMENTS = {
    **_digitalocean.OPTIONS,
    "email": {"type": "list", "elements": "str", "default": []},
    "slack": {"type": "list", "elements": "dict", "default": [], "options": SLACK},
    "alert_policies": {"type": "list", "elements": "dict", "options": POLICY},
    "uptime_checks": {"type": "list", "elements": "dict", "options": CHECK},
    "purge": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if _digitalocean.PYDO_ERROR:
        module.fail_json(msg=missing_required_lib("pydo"), exception=_digitalocean.PYDO_ERROR)
    try:
        api = _digitalocean.connect(module.params)
        result = Watch(api, module.params, module.check_mode).ensure()
    except _digitalocean.DigitalOceanError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
