# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.action.services import ActionModule

RUNS = "ActiveState=active\nUnitFileState=enabled\n"
STOPPED = "ActiveState=inactive\nUnitFileState=disabled\n"
UNKNOWN = "ActiveState=inactive\nUnitFileState=\n"
# A terminal is between systemctl and the connection.
TERMINAL = str.maketrans({"\n": "\r\n"})


@pytest.fixture
def services(host):
    def call(*units, rc=0, module=None, **options):
        shown = "\n".join(units).translate(TERMINAL)
        run = host(ActionModule, answers={"systemctl": (rc, shown)}, module=module)
        names = [f"unit-{number}" for number in range(len(units))]
        return run(**{"name": names, "enabled": True, "state": "started", **options})

    return call


@pytest.mark.parametrize(
    ("units", "options", "differing"),
    [
        ([RUNS, RUNS], {}, []),
        ([RUNS, STOPPED, UNKNOWN], {}, ["unit-1", "unit-2"]),
        ([STOPPED], {"enabled": False, "state": "stopped"}, []),
        ([RUNS], {"enabled": False, "state": "stopped"}, ["unit-0"]),
        ([RUNS.replace("enabled", "generated")], {"enabled": None}, []),
        ([RUNS.replace("enabled", "generated")], {}, ["unit-0"]),
        ([RUNS.replace("active", "failed")], {}, ["unit-0"]),
        ([RUNS, RUNS], {"name": ["a", "b", "c"]}, ["a", "b", "c"]),
        ([], {"name": []}, []),
    ],
)
def test_only_units_that_differ_are_changed(services, units, options, differing):
    result, modules = services(*units, **options)
    assert [arguments["name"] for _name, arguments in modules] == differing
    assert result == {"changed": bool(differing), "services": differing}


def test_systemd_without_an_answer_leaves_all_to_the_module(services):
    _result, modules = services(RUNS, rc=1)
    assert [name for name, _arguments in modules] == ["ansible.builtin.systemd_service"]


def test_what_is_not_said_is_left_as_it_is(services):
    _result, [(_name, arguments)] = services(STOPPED, enabled=None)
    assert arguments == {"name": "unit-0", "state": "started"}


def test_the_first_failure_ends_it(services):
    failed = {"failed": True, "msg": "Unable to start service unit-1", "changed": False}
    answers = iter([{"changed": True}, failed])
    result, modules = services(STOPPED, STOPPED, STOPPED, module=lambda: next(answers))
    assert result == {**failed, "changed": True}
    assert len(modules) == 2
