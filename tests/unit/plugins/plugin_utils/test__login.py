"""The proof of a new login, with a host that answers as the tests say and a clock that does not wait."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.farol.vps.plugins.plugin_utils import _login

REFUSED = AnsibleConnectionFailure("Permission denied (publickey).")
DONE: dict = {}


class Become:
    success = "BECOME-SUCCESS of the user before"


class Connection:
    def __init__(self):
        self.resets = 0
        self.options = {"port": 22, "remote_user": "root"}
        self.become = Become()

    def reset(self):
        self.resets += 1

    def get_option(self, name):
        return self.options[name]

    def set_option(self, name, value):
        self.options[name] = value


class Action:
    """What an action plugin needs to be, with a list of what the host says, one for each call."""

    def __init__(self, *answers):
        self._connection = Connection()
        self.answers = list(answers)
        self.calls: list[tuple] = []
        self.users: list[str] = []

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == _login.MODULE and task_vars == VARS
        port, user = self._connection.options.values()
        self.calls.append((module_args["state"], port))
        self.users.append(user)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


VARS = {"inventory_hostname": "web1"}


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Seconds pass only by sleeping."""
    now = [0.0]
    monkeypatch.setattr(_login.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_login.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def confirm(action, **options):
    return _login.confirm(action, "ssh", "token", 60, VARS, **options)


def test_a_login_that_works_confirms_over_a_connection_of_its_own(clock):
    action = Action(DONE)
    assert confirm(action) is None
    assert action.calls == [("confirmed", 22)] and action._connection.resets == 1
    assert clock[0] == 0


def test_a_login_that_works_the_second_time_is_good_enough():
    action = Action(REFUSED, DONE)
    assert confirm(action) is None
    assert [state for state, _port in action.calls] == ["confirmed", "confirmed"]


def test_one_that_never_works_waits_for_the_host_to_undo_it(clock):
    action = Action(REFUSED, REFUSED, DONE)
    fault = confirm(action)
    assert "web1: nobody could log in anew" in fault and "Permission denied" in fault
    assert "has put back what was there before" in fault
    assert action.calls[-1][0] == "restored" and clock[0] >= 62


def test_a_host_that_is_slow_to_put_things_back_is_waited_for(clock):
    fault = confirm(Action(REFUSED, REFUSED, REFUSED, REFUSED, DONE))
    assert "has put back what was there before" in fault and clock[0] >= 82


def test_a_host_that_does_not_come_back_sends_to_the_console(clock):
    fault = confirm(Action(*[REFUSED] * 6))
    assert 92 <= clock[0] < 102
    assert "still fails" in fault and "provider's console" in fault


def test_a_module_that_fails_counts_as_a_login_that_does_not_work():
    failed = {"failed": True, "msg": "sudo: a password is required"}
    fault = confirm(Action(failed, failed, DONE))
    assert "a password is required" in fault


def test_a_host_that_has_undone_the_change_before_is_not_waited_for(clock):
    fault = confirm(Action({"failed": True, "msg": "the host has put back", "answered": True}))
    assert fault == "web1: the host has put back" and clock[0] == 0


def test_the_new_login_uses_the_new_port_and_the_way_back_the_former():
    action = Action(REFUSED, REFUSED, DONE)
    confirm(action, port=2222)
    assert action.calls == [("confirmed", 2222), ("confirmed", 2222), ("restored", 22)]


def test_the_new_login_is_the_user_that_the_next_run_uses_and_the_way_back_the_former():
    action = Action(REFUSED, REFUSED, DONE)
    confirm(action, user="deploy")
    assert action.users == ["deploy", "deploy", "root"]
    assert action._connection.become.success == "", (
        "root needs no sudo, and would wait for its sign"
    )
