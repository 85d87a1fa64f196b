# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask systemd for the state of all units at once, and change those that differ."""

from __future__ import annotations

import shlex

from ansible.plugins.action import ActionBase

# What systemctl shows of a unit that is as asked for; anything else is for the module to judge.
ENABLED = {True: "enabled", False: "disabled"}
ACTIVE = {"started": "active", "stopped": "inactive"}


class ActionModule(ActionBase):
    _requires_connection = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            {
                "name": {"type": "list", "elements": "str", "required": True},
                "enabled": {"type": "bool"},
                "state": {"choices": list(ACTIVE), "required": True},
            }
        )
        wanted = {"state": options["state"]}
        if options["enabled"] is not None:
            wanted["enabled"] = options["enabled"]
        changed = []
        for name in self._differing(options["name"], **wanted):
            result = self._execute_module(
                "ansible.builtin.systemd_service", {"name": name, **wanted}, task_vars=task_vars
            )
            if result.get("failed"):
                return {**result, "changed": bool(changed)}
            changed += [name] if result.get("changed") else []
        return {"changed": bool(changed), "services": changed}

    def _differing(self, names, state, enabled=None):
        if not names:
            return []
        question = ["systemctl", "show", "--property=ActiveState,UnitFileState", "--", *names]
        answer = self._low_level_execute_command(shlex.join(question), sudoable=True)
        shown = [
            dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            for block in "\n".join(answer["stdout_lines"]).strip().split("\n\n")
        ]
        if answer["rc"] or len(shown) != len(names):
            return names
        wanted = {"ActiveState": ACTIVE[state]}
        if enabled is not None:
            wanted["UnitFileState"] = ENABLED[enabled]
        return [
            name
            for name, unit in zip(names, shown, strict=True)
            if not wanted.items() <= unit.items()
        ]
