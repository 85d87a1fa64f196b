# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""-e app= on an inventory where one host has the application, another has others and a third has none."""

from __future__ import annotations

import json

import pytest
from project_commands import run

API = {"name": "api", "domain": "api.example.com", "image": "api", "version": "1", "port": 8000}
HOSTS = {"app-1": [API], "app-2": [{**API, "name": "web"}], "edge": []}
LOCAL = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}


@pytest.fixture
def play(tmp_path):
    """A playbook in check mode, with this machine in the place of all hosts."""
    inventory = tmp_path / "hosts.yml"
    hosts = {name: {**LOCAL, "ansible_become": False, "apps": apps} for name, apps in HOSTS.items()}
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))

    def play(playbook, *arguments):
        command = ["ansible-playbook", "-i", inventory, f"playbooks/{playbook}.yml", "--check"]
        return run(*command, *arguments)

    return play


@pytest.mark.parametrize(
    ("playbook", "arguments", "says"),
    [
        ("maintenance", ["-e", "maintenance=true"], "changed: [{}]"),
        ("releases", [], "api on {}"),
    ],
)
def test_who_does_not_have_the_application_is_passed_over(play, playbook, arguments, says):
    done = play(playbook, "-e", "app=api", *arguments)
    assert done.returncode == 0, done.stdout
    said = {host for host in HOSTS if says.format(host) in done.stdout}
    assert said == {"app-1"}, done.stdout


@pytest.mark.parametrize("playbook", ["maintenance", "releases", "load_test", "parts/check"])
def test_what_no_host_has_is_refused_with_what_there_is(play, playbook):
    done = play(playbook, "-e", "app=apj", "-e", "maintenance=true")
    assert done.returncode != 0
    text = " ".join(done.stdout.split())
    assert "there is no application apj in apps, which has api, web; did you mean api?" in text


def test_a_run_without_any_application_is_refused_before_a_release(play):
    done = play("parts/check", "--limit", "edge")
    assert done.returncode != 0
    assert "no host of this run has an application in apps" in done.stdout


def test_a_version_goes_to_the_hosts_that_have_the_application(play):
    done = play("parts/check", "-e", "app=api", "-e", "version=2")
    assert done.returncode == 0, done.stdout
    done = play("parts/check", "-e", "version=2")
    assert "a version goes with one application: name it with app=api or app=web" in " ".join(
        done.stdout.split()
    )
