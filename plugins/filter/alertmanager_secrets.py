# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: alertmanager_secrets
short_description: The secret files of Alertmanager's configuration
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives the secrets that the configuration of P(farol.vps.alertmanager_config#filter) reads from files.
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
- name: Write a secret
  ansible.builtin.copy:
    dest: "/etc/prometheus/farol/secrets/{{ item.key }}"
    content: "{{ item.value }}"
    owner: root
    group: prometheus
    mode: "0640"
  loop: "{{ settings | farol.vps.alertmanager_secrets('0.26') | dict2items }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: Content of each file, by its name.
  type: dict
  sample: {slack_url: "https://hooks.slack.com/services/…"}
"""

from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_alertmanager import (
    alertmanager_secrets,
)


class FilterModule:
    def filters(self):
        return {"alertmanager_secrets": alertmanager_secrets}
