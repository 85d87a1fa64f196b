# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar
from ansible.utils.collection_loader import AnsibleCollectionConfig


@pytest.fixture(scope="session", autouse=True)
def collections():
    if not AnsibleCollectionConfig.collection_finder:
        plugins.init_plugin_loader()


@pytest.fixture
def host(monkeypatch):
    """An action on a host that answers commands by their first word. What it gives is called with the task's options,
    and returns the result and the modules that ran, with their arguments."""

    def on(action_class, answers, module=None):
        def run(**options):
            modules = []
            loader, context, task = DataLoader(), PlayContext(), Task()
            task.args = options
            link = plugins.connection_loader.get("local", context)
            action = action_class(task, link, context, loader, Templar(loader=loader), plugins)

            def execute(name, arguments, task_vars):
                modules.append((name, arguments))
                return module() if module else {"changed": True}

            def answer(command, sudoable):
                run.asked.append(command)
                rc, stdout = answers[command.split()[0]]
                return {"rc": rc, "stdout": stdout, "stdout_lines": stdout.splitlines()}

            monkeypatch.setattr(action, "_execute_module", execute)
            monkeypatch.setattr(action, "_low_level_execute_command", answer)
            return action.run(task_vars={}), modules

        run.asked = []
        return run

    return on
