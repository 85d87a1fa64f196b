# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: alertmanager_config
short_description: Alertmanager's configuration
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Routes by severity, groups, and silences what follows from something that is told already.
  - Secrets are paths of files. Where the version can't read one from a file, it stands in the result.
positional: _input
options:
  _input:
    description:
      - C(slack_webhook_url), or C(slack_token) and C(slack_url); C(slack_channel).
      - C(telegram_token), C(telegram_chat_id), C(telegram_url).
      - C(email) with C(to), C(from), C(smarthost), C(username), C(password), C(tls).
      - C(webhooks), each with C(name) and C(url).
      - C(dead_man_url), C(dead_man_interval).
      - C(route), the names of channels by severity; C(group_wait), C(group_interval), C(repeat_interval).
      - C(secrets), the folder of secret files; C(templates), the pattern of template files.
    type: dict
    required: true
  version:
    description: The installed version of Alertmanager.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Write Alertmanager's configuration
  ansible.builtin.copy:
    dest: /etc/prometheus/alertmanager.yml
    content: "{{ settings | farol.vps.alertmanager_config('0.26') | to_nice_yaml }}"
    owner: root
    group: prometheus
    mode: "0640"
  no_log: true
"""

RETURN = r"""
_value:
  description: The configuration.
  type: dict
  sample: {route: {receiver: warning}, receivers: [{name: warning}]}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_alertmanager import (
    alertmanager_config,
)


class FilterModule:
    def filters(self):
        return {"alertmanager_config": alertmanager_config}
