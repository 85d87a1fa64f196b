# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sentry_commits
short_description: The text of git log as commits for Sentry
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Reads what C(git -c core.quotePath=false log --no-renames --diff-merges=first-parent --name-status
    --format=%x1e%H%x1f%an%x1f%ae%x1f%aI%x1f%B%x1f) prints. The fields are parted by control characters, since a message may hold anything else.
  - M(farol.vps.sentry_release) does it by itself for a checkout where it runs. The filter is for a history that comes from elsewhere.
  - A merge is what it brought to its first parent. A rename is a deletion and an addition, as for Sentry's own client.
positional: _input, repository
options:
  _input:
    description: The text.
    type: str
    required: true
  repository:
    description: The name of the repository.
    type: str
    default: origin
"""

EXAMPLES = r"""
- name: Read the history of a build host
  ansible.builtin.command:
    cmd: >-
      git -c core.quotePath=false log --no-renames --diff-merges=first-parent --name-status
      --format=%x1e%H%x1f%an%x1f%ae%x1f%aI%x1f%B%x1f v1.4.1..v1.4.2
    chdir: /srv/build/api
  register: history
  changed_when: false

- name: Set the commits of a release
  farol.vps.sentry_release:
    token: "{{ vault_sentry_token }}"
    version: api@1.4.2
    projects: [api]
    commits: "{{ history.stdout | farol.vps.sentry_commits('acme/api') }}"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The commits, in the order of the text.
  type: list
  elements: dict
  sample:
    - id: 676f105516b904f86e97f4e640c1a34aa4fc3ea5
      repository: acme/api
      message: "Count what is refused\n"
      author_name: Ana
      author_email: ana@example.com
      timestamp: "2026-11-25T10:00:00Z"
      patch_set: [{path: app/main.py, type: M}]
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError
from ansible_collections.farol.vps.plugins.module_utils._sentry_commits import parse_log


def sentry_commits(text, repository="origin"):
    try:
        return parse_log(text, repository)
    except SentryError as error:
        raise AnsibleFilterError(f"sentry_commits: {error}") from error


class FilterModule:
    def filters(self):
        return {"sentry_commits": sentry_commits}
