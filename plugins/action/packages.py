# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask dpkg whether apt has anything to do, and apt only then."""

from __future__ import annotations

import re
import shlex

from ansible.plugins.action import ActionBase

# At its first boot a host upgrades itself, and holds apt's lock for minutes.
LOCK_SECONDS = 300
# The names that Debian's policy allows, 5.6.1; a version, a pattern or a release is for apt to understand.
PLAIN = re.compile(r"[a-z0-9][a-z0-9+.-]+")


class ActionModule(ActionBase):
    _requires_connection = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            {
                "name": {"type": "list", "elements": "str", "required": True},
                "state": {"default": "present", "choices": ["absent", "latest", "present"]},
            }
        )
        if self._is_settled(options["name"], options["state"]):
            return {"changed": False}
        options["lock_timeout"] = LOCK_SECONDS
        if options["state"] != "absent":
            lists = 0 if options["state"] == "latest" else 86400
            options |= {
                "install_recommends": False,
                "update_cache": True,
                "cache_valid_time": lists,
            }
        result = self._execute_module("ansible.builtin.apt", options, task_vars=task_vars)
        if result.get("failed") and "lock" in result.get("msg", "").lower():
            holders = self._holders() or "a process that is gone by now"
            result["msg"] += (
                f". After {LOCK_SECONDS} s apt is still locked by {holders}: let it end, and run again."
            )
        return result

    def _holders(self):
        """Who holds the locks of dpkg and apt: command, process and path of each."""
        answer = self._low_level_execute_command(
            "lslocks --noheadings --notruncate --raw --output COMMAND,PID,PATH", sudoable=True
        )
        held = [line for line in answer["stdout_lines"] if re.search("/(dpkg|apt)/", line)]
        return ", ".join(" ".join(line.split()) for line in held)

    def _is_settled(self, names, state):
        if not names:
            return True
        if state == "latest" or not all(map(PLAIN.fullmatch, names)):
            return False
        question = [
            "dpkg-query",
            "--show",
            "--showformat=${db:Status-Status} ${Package}\\n",
            *names,
        ]
        # It fails for one that was never there, and still names the others.
        answer = self._low_level_execute_command(shlex.join(question), sudoable=True)
        installed = {
            name
            for status, _space, name in (line.partition(" ") for line in answer["stdout_lines"])
            if status == "installed"
        }
        return installed >= set(names) if state == "present" else installed.isdisjoint(names)
