"""What a task loads is gone with its process; what was loaded before the first of them stays."""

from __future__ import annotations

import sys

import pytest
from project_commands import PROJECT, run

FILTERS = sorted(path.stem for path in (PROJECT / "plugins/filter").glob("[!_]*.py"))

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - {ansible.builtin.assert: {that: 1 | noted == 1}}
    - {ansible.builtin.assert: {that: 2 | noted == 2}}
"""
NOTED = """
import os, pathlib
with pathlib.Path(__file__).with_name("loaded").open("a") as handle:
    print(os.getpid(), file=handle)

class FilterModule:
    def filters(self):
        return {"noted": lambda value: value}
"""


@pytest.mark.parametrize(("callbacks", "times"), [("minimal", 2), ("farol.vps.preload", 1)])
def test_a_filter_beside_the_playbook_is_loaded_once_a_run(tmp_path, callbacks, times):
    (tmp_path / "filter_plugins").mkdir()
    (tmp_path / "filter_plugins/noted.py").write_text(NOTED)
    (tmp_path / "play.yml").write_text(PLAY)
    ran = run(
        *("ansible-playbook", "--inventory", "localhost,", "--connection", "local"),
        tmp_path / "play.yml",
        ANSIBLE_CALLBACKS_ENABLED=callbacks,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(set((tmp_path / "filter_plugins/loaded").read_text().split())) == times


def test_all_filters_of_the_collection_are_loaded():
    program = (
        "import sys\n"
        "from ansible.plugins.loader import init_plugin_loader\n"
        "init_plugin_loader()\n"
        "from ansible_collections.farol.vps.plugins.callback.preload import CallbackModule\n"
        "CallbackModule().v2_playbook_on_start(None)\n"
        "print(*(name.rpartition('.')[2] for name in sys.modules if '.farol.vps.plugins.filter.' in name))\n"
        "import gc; print(gc.get_freeze_count())"
    )
    *filters, frozen = run(sys.executable, "-c", program).stdout.split()
    assert sorted(filters) == FILTERS
    assert int(frozen) > 10_000, "the copies would write to what they share"
