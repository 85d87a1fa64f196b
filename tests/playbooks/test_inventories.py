# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""inventories/cluster passes every check that needs no host, and what it derives follows its list of hosts."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._preflight import FACTS
from project_commands import PROJECT, run

CLUSTER = PROJECT / "inventories/cluster"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEx4bGUtb2YtYS1rZXktZm9yLXRlc3Rz me@here"
HOST = {
    "distribution": "Debian",
    "distribution_version": "13.1",
    "distribution_major_version": "13",
    "distribution_release": "trixie",
    "os_family": "Debian",
    "memtotal_mb": 4096,
    "processor_vcpus": 2,
    "default_ipv4": {"address": "192.0.2.1"},
}
# What each role knows of its own values, and where that is asked.
CHECKS = {
    "hardening": ("check", "true"),
    "firewall": ("check", "true"),
    "nginx": ("check", "true"),
    "telemetry": ("check", "true"),
    "postgresql": ("options", "'postgresql' in group_names"),
    "redis": ("options", "'redis' in group_names"),
    "backup": ("check", "backup_repositories is defined"),
}
ROLES = """{{ ['hardening', 'firewall', 'docker', 'nginx', 'app', 'telemetry']
              + ['postgresql', 'redis', 'monitoring'] | select('in', group_names) | list
              + (['backup'] if backup_repositories is defined else []) }}"""


@pytest.fixture
def secrets(tmp_path):
    """What a user would put in place of CHANGE-ME."""
    vault = yaml.safe_load((CLUSTER / "group_vars/all/vault.yml").read_text())
    values = {key: str(value).replace("CHANGE-ME", "a-long-s3cret") for key, value in vault.items()}
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({**values, "hardening_authorized_keys": [KEY]}))
    return path


@pytest.fixture
def checks(tmp_path):
    """The playbook that asks what site.yml asks before it changes anything, of hosts that are known already."""
    facts = {**dict.fromkeys(FACTS, "x"), **HOST, "cacheable": True}
    ask = [
        {
            "ansible.builtin.include_role": {"name": f"farol.vps.{role}", "tasks_from": file},
            "when": when,
        }
        for role, (file, when) in CHECKS.items()
    ]
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.set_fact": facts},
            {"farol.vps.preflight": {"roles": ROLES}},
            *ask,
        ],
    }
    path = tmp_path / "checks.yml"
    path.write_text(yaml.safe_dump([play]))
    return path


def test_the_cluster_passes_what_is_checked_before_anything_changes(checks, secrets):
    done = run("ansible-playbook", "-i", CLUSTER, checks, "-e", f"@{secrets}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("failed=0") == 6


def test_what_is_still_to_be_filled_in_is_refused_by_name(checks):
    done = run(
        "ansible-playbook",
        "-i",
        CLUSTER,
        checks,
        "-e",
        json.dumps({"hardening_authorized_keys": [KEY]}),
    )

    assert done.returncode != 0
    assert "app-1: apps[0].secrets.DATABASE_URL: still holds CHANGE-ME" in done.stdout


def test_the_playbooks_take_the_cluster():
    for name in ("site", "deploy", "verify", "promote", "restore"):
        done = run("ansible-playbook", "-i", CLUSTER, f"playbooks/{name}.yml", "--syntax-check")
        assert done.returncode == 0, done.stdout + done.stderr


def derived(inventory):
    """The balancer's servers, and whom the firewalls of a database let in, as Ansible resolves them."""
    values = {}
    for host, name in (("edge", "nginx_sites"), ("db-1", "firewall_extra_rules")):
        done = run(
            *("ansible", "-i", inventory, host, "-m", "debug", "-a", f"var={name}"),
            ANSIBLE_CALLBACK_RESULT_FORMAT="json",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        values[host] = json.loads(done.stdout.partition("=>")[2])[name]
    return (
        values["edge"][0]["balance"]["servers"],
        {rule["port"]: rule["from"] for rule in values["db-1"]},
    )


def test_a_new_host_of_the_application_is_one_line(tmp_path):
    copy = tmp_path / "cluster"
    run("cp", "-r", CLUSTER, copy)
    hosts = copy / "hosts.yml"
    line = "        app-2: {ansible_host: 203.0.113.22}\n"
    assert hosts.read_text().count(line) == 1
    hosts.write_text(
        hosts.read_text().replace(line, line + line.replace("app-2", "app-3").replace(".22", ".23"))
    )

    servers, rules = derived(CLUSTER)
    more, wider = derived(copy)

    assert servers == {"app-1": "10.0.0.21:443", "app-2": "10.0.0.22:443"}
    assert more == {**servers, "app-3": "10.0.0.23:443"}
    assert set(wider["5432"]) - set(rules["5432"]) == {"10.0.0.23"}
    assert set(wider["6379"]) - set(rules["6379"]) == {"10.0.0.23"}
