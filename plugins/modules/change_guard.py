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
  - Commit-confirmed, as routers have it, for changes that can lock everybody out. The host keeps the files as they are, starts
    a timer, and runs the commands that change them; then the controller makes a new connection, becomes root on it, and
    stops the timer.
  - Where that does not succeed, the timer puts the files back and runs O(restore), and the task fails and says so. A reboot
    in between puts the files back before the services start.
  - The commands run on the host, one after the other, without the controller. Each begins only while the change is armed,
    so that a connection that was cut off and comes back changes nothing that the host has put back. A command that takes more
    than 60 s is ended and counts as failed; one that fails puts everything back at once.
  - What happened is in the journal under C(farol-guard). The next run warns of it once, and first undoes what a killed
    run left unconfirmed.
  - M(farol.vps.config_tree) does all of this by itself with its option O(farol.vps.config_tree#module:guard).
attributes:
  check_mode:
    description: Names the commands that would run.
    support: full
  diff_mode:
    description: The module does not know what the commands change. It shows them.
    support: full
  idempotent:
    description: Commands run each time, so give only those that have something to change. Without any, nothing happens.
    support: none
  action:
    description: Confirms over a new connection, by an action plugin of the same name.
    support: full
options:
  name:
    description: Name of the change, unique on the host. Letters, digits, V(-) and V(_).
    type: str
    required: true
  commands:
    description: What changes the host, run in order, without a shell.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(changed) runs O(commands) and has them confirmed. The action plugin needs the others, V(confirmed) to stop the timer and
        V(restored) to put back at once what is armed.
    type: str
    choices: [changed, confirmed, restored]
    default: changed
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
    description: Seconds from the beginning of the change until the host undoes what nobody confirmed.
    type: int
    default: 60
  token:
    description: Stands for the change that V(confirmed) is to confirm.
    type: str
"""

EXAMPLES = r"""
- name: Let nobody but the office connect to SSH
  farol.vps.change_guard:
    name: office
    paths: [/etc/ufw]
    commands:
      - ufw insert 1 allow from 192.0.2.0/24 to any port 22 proto tcp
      - ufw delete limit 22/tcp
    restore: [ufw reload]
"""

RETURN = r"""
commands:
  description: The commands that ran, or would.
  returned: when O(state=changed)
  type: list
  elements: str
  sample: [ufw delete limit 22/tcp]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._guard import (
    ARGUMENT_SPEC,
    Guard,
    GuardError,
)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    options = module.params
    commands = options["commands"] if options["state"] == "changed" else []
    result: dict = {"changed": bool(commands)}
    if options["state"] == "changed":
        result["commands"] = commands
        if module._diff:
            result["diff"] = {"before": "", "after": "".join(f"{line}\n" for line in commands)}
    if module.check_mode or options["state"] == "changed" and not commands:
        module.exit_json(**result)

    def execute(command: str) -> tuple[int, str, str]:
        return module.run_command(command, environ_update={"LC_ALL": "C.UTF-8"})

    try:
        guard = Guard(options["name"], execute)
        if options["state"] == "changed":
            undone = guard.report()
            if undone:
                module.warn(undone)
            result["token"] = guard.change(
                commands, options["paths"], options["restore"], options["timeout"]
            )
        elif options["state"] == "confirmed":
            guard.confirm(options["token"])
        else:
            result["changed"] = guard.pending()
            guard.restore()
            guard.report()
    except GuardError as error:
        module.fail_json(msg=str(error), answered=True)
    except OSError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
