# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a guarded change and confirm it over a connection that did not exist before it."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.farol.vps.plugins.module_utils._guard import ARGUMENT_SPEC
from ansible_collections.farol.vps.plugins.plugin_utils._login import confirm


class ActionModule(ActionBase):
    _requires_connection = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        result = self._execute_module(
            module_name="farol.vps.change_guard", module_args=options, task_vars=task_vars
        )
        token = result.pop("token", None)
        if token:
            fault = confirm(self, options["name"], token, options["timeout"], task_vars)
            if fault:
                return {**result, "changed": False, "failed": True, "msg": fault}
        return result
