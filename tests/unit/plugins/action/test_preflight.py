# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action as Ansible runs it: real connections, real templates, the roles as they are."""

from __future__ import annotations

import os
import platform
import socket
import sys

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.template import Templar, trust_as_template
from ansible_collections.farol.vps.plugins.action.preflight import (
    ActionModule,
    Refused,
    RunsNothing,
)
from ansible_collections.farol.vps.plugins.plugin_utils._preflight import FACTS, Login

APP = {
    "name": "api",
    "domain": "api.example.com",
    "image": "ghcr.io/acme/api",
    "version": "1.4.2",
    "port": 8000,
}
DEBIAN = {
    **dict.fromkeys(FACTS, ""),
    "distribution": "Debian",
    "distribution_version": "13.1",
    "distribution_major_version": "13",
    "hostname": "web1",
}
SUPPORTED_ROOT = (
    sys.platform == "linux"
    and os.geteuid() == 0
    and platform.freedesktop_os_release()["ID"] in ("debian", "ubuntu")
)
needs_root = pytest.mark.skipif(not SUPPORTED_ROOT, reason="needs root on Debian or Ubuntu")


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def trust(value):
    if isinstance(value, dict):
        return {key: trust(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trust(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def preflight(variables, **options):
    action, variables = prepared(variables, **options)
    return action.run(task_vars=variables)


def prepared(variables, roles=("app",), connection="local", become=None):
    variables = {
        "inventory_hostname": "web1",
        "ansible_python_interpreter": sys.executable,
        **trust(variables),
    }
    loader, context, task = DataLoader(), PlayContext(), Task()
    task.args = {"roles": list(roles)}
    link = plugins.connection_loader.get(connection, context)
    link.set_options(var_options=variables)
    if become:
        method = plugins.become_loader.get(become)
        method.set_options(var_options=variables)
        link.set_become_plugin(method)
    templar = Templar(loader=loader, variables=variables)
    return ActionModule(task, link, context, loader, templar, plugins), variables


def refusals(variables, **options):
    result = preflight({"ansible_facts": DEBIAN, **variables}, **options)
    return result["msg"].splitlines() if result.get("failed") else []


def test_known_facts_need_no_connection(closed_port):
    variables = {"apps": [APP], "ansible_host": "127.0.0.1", "ansible_port": closed_port}
    result = preflight({"ansible_facts": DEBIAN, **variables}, connection="ssh")
    assert result == {"changed": False}


def test_every_fault_is_told_at_once():
    faulty = [{**APP, "prot": 1}, {"name": "web", "secrets": {"KEY": "{{ vault_key }}"}}]
    assert refusals({"apps": faulty, "app_rot": "/x", "app_keep_releases": "many"}) == [
        "web1: app_rot: the role app has no such option; did you mean app_root?",
        "web1: apps[0].prot: unknown; did you mean port?",
        "web1: apps[1].domain: missing",
        "web1: apps[1].version: missing",
        "web1: apps[1].port: missing",
        "web1: app_keep_releases: expected int, got str",
        "web1: apps[1].secrets.KEY: 'vault_key' is undefined",
    ]


def test_a_missing_variable_is_named():
    assert refusals({}) == ["web1: apps: missing"]


def test_what_types_cannot_show_is_checked_too():
    assert refusals({"apps": [APP, APP]}) == ["web1: apps: two are named api; rename one of them"]


def test_nginx_reads_apps_and_does_not_need_them():
    assert refusals({}, roles=["farol.vps.nginx"]) == []
    assert refusals({"apps": [3]}, roles=["farol.vps.nginx"]) == [
        "web1: apps[0]: expected dict, got int"
    ]


def test_an_unknown_role_is_named():
    assert refusals({}, roles=["ngnix"]) == [
        "web1: farol.vps has no role ngnix; did you mean nginx?"
    ]


def test_variables_may_use_defaults_of_the_roles_and_omit():
    app = {**APP, "env": {"ROOT": "{{ app_root }}"}, "host_port": "{{ nothing | default(omit) }}"}
    assert refusals({"apps": [app]}) == []


def test_a_default_is_not_checked():
    assert refusals({"apps": [APP], "app_keep_releases": 3}) == []


def test_an_unsupported_distribution_is_refused():
    alpine = {**DEBIAN, "distribution": "Alpine", "distribution_version": "3.22"}
    lines = refusals(
        {"apps": [APP], "ansible_facts": {**alpine, "distribution_major_version": "3"}}
    )
    assert lines == [
        "web1: Alpine 3.22 is not supported; supported are Ubuntu 22.04, 24.04, 26.04; Debian 12, 13"
    ]


def test_a_host_that_is_down_is_unreachable(closed_port):
    variables = {
        "ansible_host": "127.0.0.1",
        "ansible_port": closed_port,
        "ansible_user": "deploy",
        "apps": [APP],
    }
    assert preflight(variables, connection="ssh") == {
        "unreachable": True,
        "msg": f"web1 (127.0.0.1 port {closed_port}, user deploy) is unreachable: connection "
        "refused; if it answered a moment ago, that is UFW, which lets an address connect six times within 30 seconds: "
        "wait that long; else start sshd on the host, or correct ansible_port",
    }


@needs_root
def test_missing_facts_are_gathered_and_serve_the_variables():
    app = {**APP, "env": {"HOST": "{{ ansible_facts.hostname }}"}}
    facts = preflight({"apps": [app]})["ansible_facts"]
    assert {f"ansible_{name}" for name in FACTS} <= set(facts)
    assert facts["ansible_hostname"] == socket.gethostname().partition(".")[0]


@needs_root
def test_what_the_facts_do_not_resolve_is_told():
    app = {**APP, "env": {"HOST": "{{ ansible_facts.hostnam }}"}}
    result = preflight({"apps": [app]})
    assert result["msg"].startswith("web1: apps[0].env.HOST: ")
    assert "hostnam" in result["msg"]


@needs_root
def test_another_user_than_root_is_refused():
    variables = {"ansible_become_user": "nobody", "ansible_become_flags": "-s /bin/sh"}
    result = preflight({"apps": [APP], **variables}, become="ansible.builtin.su")
    assert result["msg"].startswith("web1: needs root, and runs as uid 65534; log in as root, or ")


@needs_root
def test_a_failing_become_is_told():
    variables = {"ansible_become_user": "nobody", "ansible_become_exe": "/nonesuch/sudo"}
    result = preflight({"apps": [APP], **variables}, become="ansible.builtin.sudo")
    assert result["msg"].startswith("web1: can't become root: ")
    assert "/nonesuch/sudo: not found" in result["msg"]
    assert len(result["msg"].splitlines()) == 1


@needs_root
def test_a_host_without_python_is_told():
    result = preflight({"apps": [APP], "ansible_python_interpreter": "/nonesuch/python"})
    assert result["msg"].startswith("web1: can't gather facts: ")
    assert result["msg"].endswith(
        "install python3 on the host, or correct ansible_python_interpreter"
    )


def test_the_provider_s_root_waits_for_no_sign_of_the_sudo_of_the_user_before():
    action, _variables = prepared({"ansible_user": "deploy"}, connection="ssh", become="sudo")
    become = action._connection.become
    become.build_become_command("true", action._connection._shell)
    assert become.success, "the connection would wait for this"
    action._use(Login("root", 22), anew=True)
    assert not become.success and action._connection.get_option("remote_user") == "root"


DENIED = AnsibleConnectionFailure("deploy@203.0.113.5: Permission denied (publickey).")
LIMITED = AnsibleConnectionFailure("connect to host 203.0.113.5 port 22: Connection refused")
CLOUD_INIT = RunsNothing(
    'Please login as the user "ubuntu" rather than the user "root".\r\nConnection closed.'
)


OWN = Login("deploy", 22)


class TestLogins:
    """Which logins are tried, with a host that answers as the test says."""

    @pytest.fixture
    def tried(self, monkeypatch):
        def call(answers, users=("root",), ports=(22,), own=OWN):
            action, variables = prepared(
                {"ansible_user": own.user, "ansible_port": own.port}, connection="ssh"
            )
            action._task.args |= {"fallback_users": list(users), "fallback_ports": list(ports)}
            seen, resets = [], []

            def answer(self, _roles, _variables):
                seen.append(self._login())
                said = answers.get(self._login(), DENIED)
                if isinstance(said, Exception):
                    raise said
                return dict(said)

            monkeypatch.setattr(ActionModule, "_preflight", answer)
            monkeypatch.setattr(
                action._connection, "reset", lambda: resets.append(action._login()), raising=False
            )
            result = action.run(task_vars=variables)
            assert resets == [login for login in seen if login != own], "no connection of before"
            return result, seen

        return call

    def test_root_is_tried_where_the_wanted_user_is_not_there_yet(self, tried):
        result, seen = tried({("root", 22): {}})
        assert seen == [("deploy", 22), ("root", 22)]
        assert result["login"] == {"user": "root", "port": 22}
        assert result["wanted"] == {"user": "deploy", "port": 22}

    def test_nobody_else_is_tried_where_the_connection_is_refused(self, tried):
        result, seen = tried({("deploy", 22): LIMITED, ("root", 22): {}})
        assert seen == [("deploy", 22)]
        assert result["unreachable"] and "six times within 30 seconds" in result["msg"]

    def test_the_port_from_before_is_tried_where_the_new_one_does_not_answer(self, tried):
        own = Login("deploy", 2222)
        refused = dict.fromkeys([("deploy", 2222), ("root", 2222)], LIMITED)
        result, seen = tried({**refused, ("root", 22): {}}, own=own)
        assert seen == [own, ("deploy", 22), ("root", 22)]
        assert result["login"] == {"user": "root", "port": 22}

    def test_the_user_that_the_host_names_is_tried(self, tried):
        result, seen = tried({("root", 22): CLOUD_INIT, ("ubuntu", 22): {}})
        assert seen[-1] == ("ubuntu", 22) and result["login"]["user"] == "ubuntu"

    def test_what_the_host_says_is_quoted_and_the_remedy_named(self, tried):
        result, seen = tried({("root", 22): CLOUD_INIT}, users=["root", "ubuntu"])
        assert [user for user, _port in seen] == ["deploy", "root", "ubuntu"]
        told = result["msg"].splitlines()[1]
        assert told.startswith("web1 (web1 port 22, user root) runs no command for this user and")
        assert 'as the user "ubuntu" rather than the user "root". Connection closed.; ' in told
        assert told.endswith("name the user that the provider has made in bootstrap_users")

    def test_one_who_does_not_become_root_ends_it(self, tried):
        result, seen = tried({("deploy", 22): Refused("can't become root"), ("root", 22): {}})
        assert seen == [("deploy", 22)] and result["msg"] == "web1: can't become root"


@pytest.mark.parametrize(
    ("user", "stdout", "told"),
    [
        ("root", "1000\n", Refused("needs root, and runs as uid 1000")),
        ("root", 'Please login as the user "ubuntu"', RunsNothing("Please login as the")),
        ("root", "This account is not available.", RunsNothing("This account is not available.")),
        ("deploy", "deploy is not in the sudoers file", Refused("can't become root: deploy is no")),
    ],
)
def test_what_is_no_root_is_told_apart(monkeypatch, user, stdout, told):
    action, _variables = prepared({"ansible_user": user}, connection="ssh", become="sudo")
    monkeypatch.setattr(
        action,
        "_low_level_execute_command",
        lambda *_words, **_options: {"stdout": stdout, "stderr": "", "rc": 1},
    )
    with pytest.raises(type(told)) as caught:
        action._require_root()
    assert str(caught.value).startswith(str(told))


def test_a_sudo_that_wants_a_terminal_is_named(monkeypatch):
    action, variables = prepared({})
    failed = {
        "failed": True,
        "msg": "MODULE FAILURE",
        "module_stderr": "sudo: sorry, you must have a tty",
    }
    monkeypatch.setattr(action, "_execute_module", lambda *_words, **_options: failed)
    with pytest.raises(Refused, match="sudo wants a terminal; take requiretty out of its sudoers"):
        action._gather(variables)
