# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove that a new login still becomes root after a change that could have locked everybody out."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

MODULE = "farol.vps.change_guard"
# Few and far between: fail2ban counts a login that sshd refuses, and UFW how often an address connects.
PAUSE = 10
TRY_FOR = 15
# What the host runs to put things back takes a while under load: UFW alone some seconds.
COMES_BACK = 30


def confirm(
    action: ActionBase,
    name: str,
    token: str | None,
    timeout: int,
    task_vars: dict[str, Any],
    port: int = 0,
    user: str = "",
) -> str | None:
    """None once the change is confirmed, else what locked us out and what became of the host.

    The new login uses the port and the user, or those of the connection for 0 and "".

    It tries for 15 s or half the guard's timeout, whichever is shorter, then waits until the host has
    undone the change, up to 30 s beyond the guard's timeout, so that the old state serves when the task fails.
    Where the new login works and the host says that it has undone the change already, there is nothing to wait for.
    """
    host = task_vars["inventory_hostname"]
    arguments = {"name": name, "state": "confirmed", "token": token}
    wanted = {name: value for name, value in (("port", port), ("remote_user", user)) if value}
    before = {name: action._connection.get_option(name) for name in wanted}
    _use(action, wanted)
    start = time.monotonic()
    while True:
        fault, answered = _ask(action, arguments, task_vars)
        if fault is None:
            return None
        if answered:
            return f"{host}: {fault}"
        if time.monotonic() + PAUSE > start + min(TRY_FOR, timeout / 2):
            break
        time.sleep(PAUSE)

    lost = f"{host}: nobody could log in anew and become root after the change of {name} ({fault.strip()})."
    time.sleep(max(0.0, start + timeout + 2 - time.monotonic()))
    _use(action, before)
    restored = {"name": name, "state": "restored"}
    due = time.monotonic() + COMES_BACK
    while (fault := _ask(action, restored, task_vars)[0]) and time.monotonic() + PAUSE <= due:
        time.sleep(PAUSE)
    if fault is None:
        return (
            f"{lost} The host has put back what was there before, and a new login works again. "
            "Correct the change and run again; on the host, `journalctl -t farol-guard` tells the rest."
        )
    return (
        f"{lost} It should have put back what was there before {timeout} s after the change, but a new login "
        f"still fails ({fault.strip()}). Look at it through the provider's console: `journalctl -t farol-guard`."
    )


def _use(action: ActionBase, options: dict[str, Any]) -> None:
    for name, value in options.items():
        action._connection.set_option(name, value)
    if options and action._connection.become:
        # The sign of success that the user before was to give: root needs no sudo, and would wait for it.
        action._connection.become.success = ""


def _ask(action: ActionBase, arguments: dict, task_vars: dict[str, Any]) -> tuple[str | None, bool]:
    """Nothing on success, else why not, and whether it is the host that says so. The connection of the next call is always a new one."""
    try:
        action._connection.reset()
        answer = action._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=task_vars
        )
    except AnsibleError as error:
        return str(error), False
    if answer.get("failed") or answer.get("unreachable"):
        said = answer.get("msg") or answer.get("module_stderr") or "no answer"
        return said, answer.get("answered", False)
    return None, True
