#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: change_guard
short_description: Let the host undo a change by itself unless a new login confirms it
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Commit-confirmed, as routers have it, for changes that can lock everybody out. V(armed) keeps the files as they are and
    starts a timer; then come the tasks that change them; V(confirmed) makes a new connection, becomes root on it, and
    stops the timer.
  - Where that does not succeed, the timer puts the files back and runs O(restore), and the task fails and says so. A reboot
    in between puts the files back before the services start.
  - What happened is in the journal under C(farol-guard). The next V(armed) warns of it once, and first undoes what a killed
    run left unconfirmed.
  - M(farol.vps.config_tree) does all of this by itself with its option O(farol.vps.config_tree#module:guard).
attributes:
  check_mode:
    description: Does nothing.
    support: full
  diff_mode:
    description: There is nothing to show, since nothing that is wanted of the host changes.
    support: none
  idempotent:
    description: Arming and confirming are no changes; to put something back is one.
    support: full
  action:
    description: Confirms over a new connection, by an action plugin of the same name.
    support: full
options:
  name:
    description: Name of the change, unique on the host. Letters, digits, V(-) and V(_).
    type: str
    required: true
  state:
    description:
      - V(armed) starts the timer, V(confirmed) stops it, V(restored) puts back at once what is armed.
    type: str
    choices: [armed, confirmed, restored]
    required: true
  paths:
    description: Files and directories that are kept, absolute. What is not there now is removed when the others go back.
    type: list
    elements: path
    default: []
  restore:
    description: Commands that make the services take over what was put back, run in order, without a shell.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds from V(armed) until the host undoes what nobody confirmed.
    type: int
    default: 60
  token:
    description: What V(armed) returned, to confirm that change and no other.
    type: str
"""

EXAMPLES = r"""
- name: Keep the rules
  farol.vps.change_guard:
    name: rules
    state: armed
    paths: [/etc/nftables.conf]
    restore: [systemctl reload nftables]

- name: Change the rules
  ansible.builtin.template:
    src: nftables.conf.j2
    dest: /etc/nftables.conf
    mode: "0600"

- name: Load the rules
  ansible.builtin.command: systemctl reload nftables
  changed_when: true

- name: Prove that somebody still gets in
  farol.vps.change_guard:
    name: rules
    state: confirmed
"""

RETURN = r"""
token:
  description: Stands for the change that is armed.
  returned: when O(state=armed)
  type: str
  sample: 0d3c5b0b1f2b4d1c9f3b8a7e6d5c4b3a
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._guard import (
    ARGUMENT_SPEC,
    Guard,
    GuardError,
)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False)

    def execute(command: str) -> tuple[int, str, str]:
        return module.run_command(command, environ_update={"LC_ALL": "C.UTF-8"})

    options = module.params
    result: dict = {"changed": False}
    try:
        guard = Guard(options["name"], execute)
        if options["state"] == "armed":
            undone = guard.report()
            if undone:
                module.warn(undone)
            result["token"] = guard.arm(options["paths"], options["restore"], options["timeout"])
        elif options["state"] == "confirmed":
            guard.confirm(options["token"])
        else:
            result["changed"] = guard.pending()
            guard.restore()
            guard.report()
    except (GuardError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
