#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: What is in the storage of a host's backups, how old and how large it is, and whether it is whole
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Asks every repository that the role P(farol.vps.backup#role) has set up, through pgBackRest and restic.
  - Tells of each source its newest whole backup in each repository, and how its last backup and its last restore drill ended.
options:
  source:
    description: The one source to tell of. All of them when empty.
    type: str
    default: ""
  of_host:
    description: Another host whose backups are in the same repositories, under the name that it has there. This host when empty.
    type: str
    default: ""
  storage:
    description: Whether to ask the repositories. With V(false), only what the host has written down of its own runs is told, at once.
    type: bool
    default: true
  config:
    description: The configuration that the role has written.
    type: path
    default: /etc/farol/backup.json
  max_age:
    description: Seconds that the newest whole backup of each source may have in each repository. The task fails where one is older or
      there is none; with V(0) it tells and never fails.
    type: int
    default: 0
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Look at the backups
  farol.vps.backup_info:
  register: found

- name: Show them as a table
  ansible.builtin.debug:
    msg: "{{ (found | farol.vps.backups_table).split('\n') }}"

- name: Require that everything was backed up within the last 26 hours
  farol.vps.backup_info:
    max_age: 93600
"""

RETURN = r"""
backups:
  description: Every backup in every repository, oldest first.
  type: list
  elements: dict
  returned: always
  sample:
    - source: main
      repository: spaces
      id: 20261125-023112F
      kind: full
      time: 1795573900.0
      when: "2026-11-25T02:31:40Z"
      age: 5400
      seconds: 28.0
      size: 1181116006
      stored: 325270732
      complete: true
      note: ""
sources:
  description: For each source and repository, the newest whole backup, and how the last runs on this host ended.
  type: dict
  returned: always
  sample:
    main:
      spaces:
        count: 21
        incomplete: 0
        newest: {id: 20261125-023112F, age: 5400}
        last_run_ok: true
        last_error: ""
        drill_ok: true
        drill_age: 250000
        drill_error: ""
faults:
  description: What kept a repository from answering, each with the remedy.
  type: list
  elements: str
  returned: always
  sample: []
"""

import json
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_info import collect, overdue


def main():
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "default": ""},
            "of_host": {"type": "str", "default": ""},
            "storage": {"type": "bool", "default": True},
            "config": {"type": "path", "default": "/etc/farol/backup.json"},
            "max_age": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["max_age"] and not params["storage"]:
        module.fail_json(msg="max_age needs the storage to be asked; leave out storage=false")
    try:
        with open(params["config"]) as handle:
            config = json.load(handle)
    except OSError as error:
        module.fail_json(
            msg=f"{params['config']}: {error.strerror}; run the role backup first, and this with become"
        )
    try:
        found = collect(
            Host(config), params["source"], params["of_host"], time.time(), params["storage"]
        )
    except Failed as error:
        module.fail_json(msg=str(error))
    late = overdue(found["sources"], params["max_age"])
    if params["max_age"] and (late or found["faults"]):
        module.fail_json(msg="; ".join([*found["faults"], *late]), **found)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
