# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action and the module together, in this process: only the connection is left out."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stdout

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.testing import patch_module_args
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugin_loader
from ansible.plugins.connection.local import Connection
from ansible.template import Templar
from ansible_collections.farol.vps.plugins.action.config_tree import ActionModule
from ansible_collections.farol.vps.plugins.modules import config_tree as module

OWN = {"owner": str(os.geteuid()), "group": str(os.getegid())}


class Action(ActionModule):
    """Calls the module here instead of on a host."""

    sent: dict

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "farol.vps.config_tree"
        self.sent = module_args
        return run_module(module_args, **task_vars.get("flags", {}))


def run_module(arguments: dict, **flags) -> dict:
    output = io.StringIO()
    with (
        patch_module_args({**arguments, **flags}),
        redirect_stdout(output),
        pytest.raises(SystemExit),
    ):
        module.main()
    return json.loads(output.getvalue())


@pytest.fixture
def play(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "host").mkdir()

    def run(flags: dict | None = None, **options) -> tuple[dict, dict]:
        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        paths = {"dest": str(tmp_path / "host"), "state_dir": str(tmp_path / "state")}
        task = Task()
        task.args = {"name": "demo", **OWN, **paths, **options}
        task_vars = {"greeting": "hello", "flags": flags or {}}
        context = PlayContext()
        connection = Connection(context)
        templar = Templar(loader, task_vars)
        action = Action(task, connection, context, loader, templar, plugin_loader)
        return action.run(task_vars=task_vars), action.sent

    return run


@pytest.fixture
def templates(tmp_path, play):
    def put(path: str, text: str) -> None:
        target = tmp_path / "templates" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    return put


def test_all_kinds_at_once(play, templates, tmp_path):
    templates("tree/etc/a.conf.j2", "{{ greeting }}\n")
    templates("tree/etc/raw", "{{ greeting }}\n")
    templates("site.j2", "{{ greeting }} {{ item.name }}\n")
    result, _sent = play(
        for_each=[{"src": "site.j2", "dest": "sites/{name}", "items": [{"name": "x"}]}],
        content={"etc/literal": "text"},
        directories=["var/empty"],
        links={"etc/link": "raw"},
        absent=["etc/other"],
        validate="true",
    )
    host = tmp_path / "host"
    assert result["changed"]
    assert (host / "etc/a.conf").read_text() == "hello\n"
    assert (host / "etc/raw").read_text() == "{{ greeting }}\n"
    assert (host / "sites/x").read_text() == "hello x\n"
    assert (host / "etc/literal").read_text() == "text"
    assert (host / "var/empty").is_dir()
    assert os.readlink(host / "etc/link") == "raw"


def test_another_folder_and_none(play, templates, tmp_path):
    templates("tree/a", "a")
    templates("more/b", "b")
    play(src="more")
    assert os.listdir(tmp_path / "host") == ["b"]
    play(src="", content={"c": ""})
    assert os.listdir(tmp_path / "host") == ["c"]


def test_the_default_folder_may_be_missing_a_named_one_may_not(play):
    assert not play()[0]["changed"]
    with pytest.raises(AnsibleError, match="nothere"):
        play(src="nothere")


def test_contents_are_not_among_the_visible_arguments(play):
    _result, sent = play(content={"a": "hunter2"}, rules=[{"path": "a", "secret": True}])
    assert "hunter2" not in repr(sent)


def test_check_and_diff(play, tmp_path):
    flags = {"_ansible_check_mode": True, "_ansible_diff": True}
    result, _sent = play(flags, content={"a": "text\n"})
    assert result["diff"][0]["after"] == "text\n"
    assert os.listdir(tmp_path / "host") == []


def test_no_log_and_diff_false_leave_the_contents_out(play):
    quiet = {"_ansible_check_mode": True, "_ansible_diff": True, "_ansible_no_log": True}
    assert "diff" not in play(quiet, content={"a": "text"})[0]
    assert "diff" not in play({"_ansible_check_mode": True}, content={"a": "text"})[0]


def test_validation_failure_is_reported_in_parts(play):
    result, _sent = play(content={"a": "text"}, validate=["sh -c 'echo no >&2; exit 2'"])
    assert result["failed"]
    assert (result["rc"], result["stderr"]) == (2, "no\n")
    assert "echo no" in result["cmd"]


def test_an_interrupted_run_is_a_warning(play, tmp_path, capsys):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/demo.journal").write_text('{"undo": [], "empty": []}')
    play(content={"a": "text"})
    assert "An interrupted run of demo was undone first" in capsys.readouterr().err


def test_bad_options_fail_on_the_controller(play):
    with pytest.raises(AnsibleActionFail, match="quotes"):
        play(mode=644)
    with pytest.raises(AnsibleActionFail, match="contents"):
        play(contents={"a": "b"})
    with pytest.raises(AnsibleActionFail, match="Unsupported parameters .*payload"):
        play(payload="x")


def test_the_module_alone_says_what_is_missing():
    result = run_module({"name": "demo"})
    assert result["failed"]
    assert "farol.vps.config_tree" in result["msg"]
