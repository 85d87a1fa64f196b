# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a template as the builtin template action does, and find the line it fails on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from traceback import walk_tb
from types import FrameType

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes
from ansible.template import trust_as_template
from jinja2 import TemplateSyntaxError, Undefined

# Without the second one, a template that is one number and a newline loses the newline.
_OVERRIDES = {"trim_blocks": True, "keep_trailing_newline": True}


class Renderer:
    def __init__(self, templar, loader, task_vars: dict):
        self.templar, self.loader, self.task_vars = templar, loader, task_vars

    def __call__(self, source: str, dest: str, variables: dict) -> bytes:
        try:
            text = trust_as_template(self.loader.get_text_file_contents(source))
        except AnsibleError as error:
            raise AnsibleActionFail(f"Cannot read template {source}") from error
        described = {
            "ansible_managed": self.task_vars.get("ansible_managed", "Ansible managed"),
            "template_path": source,
            "template_fullpath": source,
            "template_destpath": dest,
        }
        templar = self.templar.copy_with_new_env(
            searchpath=self._searchpath(source),
            available_variables={**self.task_vars, **described, **variables},
        )
        spot = _Spot(source)
        # The public property is deprecated without a successor; without it only the line is lost.
        environment = getattr(getattr(templar, "_engine", None), "environment", None)
        if environment is not None:
            environment.concat = spot.watch(environment.concat)
        try:
            rendered = templar.template(text, escape_backslashes=False, overrides=_OVERRIDES)
        except AnsibleError as error:
            raise AnsibleActionFail(f"Template {spot.of(error)} cannot be rendered") from error
        return to_bytes("" if rendered is None else rendered, errors="surrogate_or_strict")

    def _searchpath(self, source: str) -> list[str]:
        """Where include and import look: `templates/` of each place first, then the place."""
        places = [
            *self.task_vars.get("ansible_search_path", []),
            self.loader.get_basedir(),
            os.path.dirname(source),
        ]
        return [path for place in places for path in (os.path.join(place, "templates"), place)]


class _Spot:
    """The template line where rendering goes wrong: Ansible's own errors name the file only."""

    def __init__(self, source: str):
        self.source = source
        self.place = ""
        self.rendering = False

    def of(self, error: BaseException) -> str:
        cause: BaseException | None = error
        while cause is not None and not self.place:
            if isinstance(cause, TemplateSyntaxError):
                return f"{self.source}:{cause.lineno}"
            cause = cause.__cause__ or cause.__context__
        return self.place or self.source

    def watch(self, concat):
        def watched(nodes):
            # Variables that hold templates are rendered by the same environment.
            if self.rendering or not hasattr(nodes, "gi_frame"):
                return concat(nodes)
            self.rendering = True
            try:
                return concat(self._noting(nodes))
            finally:
                self.rendering = False

        return watched

    def _noting(self, nodes) -> Iterator:
        try:
            for node in nodes:
                if isinstance(node, Undefined):
                    self._note(nodes.gi_frame, nodes.gi_frame.f_lineno)
                yield node
        except Exception as error:
            for frame, line in reversed(list(walk_tb(error.__traceback__))):
                self._note(frame, line)
            raise

    def _note(self, frame: FrameType, line: int) -> None:
        template = frame.f_globals.get("__jinja_template__")
        if template is None or self.place:
            return
        # Ansible compiles a template from its text, an included one from its file.
        named = template.filename not in (None, "<template>")
        path = template.filename if named else self.source
        self.place = f"{path}:{template.get_corresponding_lineno(line)}"
