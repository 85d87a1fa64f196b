# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.action.packages import ActionModule

# What dpkg-query 1.22 prints for four names, of which it has never seen one.
SHOWN = "installed nginx\nconfig-files ufw\nnot-installed ntp\n"


@pytest.fixture
def packages(host):
    return host(ActionModule, answers={"dpkg-query": (1, SHOWN)})


@pytest.mark.parametrize(
    ("options", "apt"),
    [
        ({"name": ["nginx"]}, False),
        ({"name": []}, False),
        ({"name": ["nginx", "ufw"]}, True),
        ({"name": ["nginx", "never-seen"]}, True),
        ({"name": ["nginx=1.22*"]}, True),
        ({"name": ["nginx"], "state": "latest"}, True),
        ({"name": ["ufw", "ntp", "never-seen"], "state": "absent"}, False),
        ({"name": ["ufw", "nginx"], "state": "absent"}, True),
        ({"name": ["ngin*"], "state": "absent"}, True),
    ],
)
def test_apt_runs_only_where_it_has_something_to_do(packages, options, apt):
    result, modules = packages(**options)
    assert [name for name, _arguments in modules] == (["ansible.builtin.apt"] if apt else [])
    assert result["changed"] is apt


@pytest.mark.parametrize(("state", "age"), [("present", 86400), ("latest", 0)])
def test_lists_are_no_older_than_a_day_and_those_of_an_upgrade_are_fresh(packages, state, age):
    _result, [(_name, arguments)] = packages(name=["ufw"], state=state)
    assert arguments == {
        "name": ["ufw"],
        "state": state,
        "install_recommends": False,
        "update_cache": True,
        "cache_valid_time": age,
        "lock_timeout": 300,
    }


def test_one_question_for_all(packages):
    packages(name=["nginx", "ufw"])
    assert packages.asked == [
        "dpkg-query --show '--showformat=${db:Status-Status} ${Package}\\n' nginx ufw"
    ]


@pytest.mark.parametrize(
    "said",
    [
        "Failed to lock apt for exclusive operation: Failed to lock directory /var/lib/apt/lists/",
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812",
    ],
)
def test_who_keeps_apt_locked_for_too_long_is_named(host, said):
    locks = (
        "cron 611 /run/crond.pid\n"
        "unattended-upgr 812 /var/lib/dpkg/lock-frontend\n"
        "apt-get 811 /var/lib/apt/lists/lock\n"
    )
    answers = {"dpkg-query": (1, SHOWN), "lslocks": (0, locks)}
    packages = host(ActionModule, answers, lambda: {"failed": True, "msg": said})
    result, _modules = packages(name=["ufw"])
    assert result["msg"] == (
        f"{said}. After 300 s apt is still locked by unattended-upgr 812 /var/lib/dpkg/lock-frontend, "
        "apt-get 811 /var/lib/apt/lists/lock: let it end, and run again."
    )


def test_another_failure_is_apts_to_tell(host):
    answers = {"dpkg-query": (1, SHOWN)}
    result, _modules = host(ActionModule, answers, lambda: {"failed": True, "msg": "No package"})(
        name=["ufw"]
    )
    assert result["msg"] == "No package"
