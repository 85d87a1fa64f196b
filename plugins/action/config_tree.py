# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a tree of templates on the controller and hand it to the module in one call."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Tree, TreeError, pack
from ansible_collections.farol.vps.plugins.module_utils._tree_spec import ARGUMENT_SPEC
from ansible_collections.farol.vps.plugins.plugin_utils._login import confirm
from ansible_collections.farol.vps.plugins.plugin_utils._tree_render import Renderer
from ansible_collections.farol.vps.plugins.plugin_utils._tree_source import Source


class ActionModule(ActionBase):
    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(ARGUMENT_SPEC)
        try:
            tree = self._collect(options, task_vars)
        except (OSError, TreeError) as error:
            raise AnsibleActionFail(str(error)) from None
        shown = {key: options[key] for key in ARGUMENT_SPEC if key not in ("content", "for_each")}
        result = self._execute_module(
            module_name="farol.vps.config_tree",
            module_args={**shown, "payload": pack(tree)},
            task_vars=task_vars,
        )
        token = result.pop("token", None)
        if token:
            guard = options["guard"]
            fault = confirm(
                self,
                options["name"],
                token,
                guard["timeout"],
                task_vars,
                guard["port"],
                guard["user"],
            )
            if fault:
                return {**result, "changed": False, "failed": True, "msg": fault}
        return result

    def _collect(self, options: dict, task_vars: dict) -> Tree:
        source = Source(options, Renderer(self._templar, self._loader, task_vars), self._read)
        folder = self._folder(options["src"])
        if folder:
            source.add_tree(folder)
        for group in options["for_each"]:
            template = self._find_needle("templates", group["src"])
            source.add_for_each(template, group["dest"], group["items"])
        source.add_content(options["content"])
        source.add_links(options["links"])
        source.add_directories(options["directories"])
        source.add_absent(options["absent"])
        return source.tree()

    def _folder(self, src: str) -> str | None:
        """The default folder may be missing, a named one may not."""
        if not src:
            return None
        try:
            return self._find_needle("templates", src)
        except AnsibleError:
            if "src" in self._task.args:
                raise
            return None

    def _read(self, path: str) -> bytes:
        real = self._loader.get_real_file(path)
        try:
            with open(real, "rb") as stream:
                return stream.read()
        finally:
            self._loader.cleanup_tmp_file(real)
