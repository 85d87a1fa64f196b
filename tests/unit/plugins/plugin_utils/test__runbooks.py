# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands of the runbooks, against a golden list, and what may not get into a page."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.filter.runbook_commands import runbook_commands
from ansible_collections.farol.vps.plugins.plugin_utils._runbooks import Writer, commands
from ansible_collections.farol.vps.plugins.plugin_utils._runbooks_hosts import describe

PROJECT = Path(__file__).resolve().parents[4]
GOLDEN = PROJECT / "tests/unit/fixtures/runbooks/commands.txt"

APP = {
    "name": "api",
    "domain": "api.example.com",
    "aliases": ["www.example.com", "*.example.com"],
    "source": {
        "git": "https://me:git-s3cret@git.example.com/acme/api.git",
        "token": "t0ken-s3cret",
    },
    "version": "1.4.2",
    "port": 8000,
    "health": {"path": "/health/ready"},
    "env": {"LOG_LEVEL": "info"},
    "secrets": {"DATABASE_URL": "postgresql://app:app-s3cret@postgres/app"},
    "services": {
        "worker": {"command": "work --key=command-s3cret", "secrets": {"KEY": "key-s3cret"}}
    },
    "migrate": "migrate --password=migrate-s3cret",
    "accessories": {
        "postgres": {"image": "postgres:17", "secrets": {"POSTGRES_PASSWORD": "pg-s3cret"}}
    },
    "users": {"me": "hash-s3cret"},
}
HOSTVARS = {
    "edge": {
        "ansible_host": "203.0.113.10",
        "group_names": ["balancer", "vps"],
        "ansible_become_password": "become-s3cret",
        "nginx_tls": "acme",
        "nginx_sites": [{"name": "api", "balance": {"servers": {"app-1": "10.0.0.21:443"}}}],
        "provision_provider": "hetzner",
        "provision_token": "provider-s3cret",
    },
    "app-1": {
        "ansible_host": "203.0.113.21",
        "ansible_user": "deploy",
        "ansible_port": "2222",
        "group_names": ["applications", "vps"],
        "apps": [APP],
        "backup_repositories": [
            {
                "name": "disk",
                "type": "s3",
                "bucket": "acme",
                "endpoint": "s3.example.com",
                "path": "/farol",
                "access_key": "access-s3cret",
                "secret_key": "secret-s3cret",
                "password": "backup-s3cret",
            }
        ],
    },
    "app-2": {"group_names": ["applications", "vps"], "apps": [APP]},
    "db-1": {
        "group_names": ["postgresql", "vps"],
        "backup_clusters": [{"name": "main"}],
        "backup_sources": [
            {"name": "crm", "type": "postgresql", "url": "postgresql://crm:url-s3cret@db/crm"},
            {"name": "uploads", "type": "files", "paths": ["/srv"], "before": "hook-s3cret"},
        ],
        "backup_repositories": [
            {"name": "disk", "type": "local", "path": "/backup", "password": "x"}
        ],
    },
    "db-2": {"group_names": ["postgresql", "vps"], "postgresql_primary": "db-1"},
    "watch": {"group_names": ["monitoring", "vps"]},
}
HOSTS = describe(HOSTVARS, HOSTVARS)
MADE = commands(
    HOSTS, "inventories/production", "--ask-vault-pass", vaults=["group_vars/all/vault.yml"]
)


def lines():
    return [
        " | ".join(
            [
                command["topic"],
                command["about"],
                command["host"] or command["where"],
                "changes" if command["changes"] else "looks",
                command["title"],
                command["run"],
            ]
        )
        for command in MADE
    ]


def test_the_commands_are_the_golden_ones():
    assert lines() == GOLDEN.read_text().splitlines()


def test_no_secret_is_in_what_the_pages_are_made_from():
    text = json.dumps([HOSTS, MADE])
    assert "s3cret" not in text
    assert "DATABASE_URL" in text and "postgres.POSTGRES_PASSWORD" in text


def test_a_host_is_described_by_what_its_variables_say():
    edge, first, _second, database, replica, _watch = HOSTS

    assert edge["balances"] == [{"name": "api", "servers": ["app-1"]}]
    assert (edge["tls"], edge["provider"], edge["user"], edge["port"]) == (
        "acme",
        "hetzner",
        "",
        22,
    )
    assert (first["user"], first["port"], first["address"]) == ("deploy", 2222, "203.0.113.21")
    assert first["sources"] == [{"name": "api-postgres", "type": "postgresql"}]
    assert first["repositories"] == [
        {"name": "disk", "type": "s3", "place": "s3.example.com/acme/farol"}
    ]
    assert first["apps"][0]["origin"] == "https://git.example.com/acme/api.git"
    assert first["apps"][0]["hosts"] == ["app-1", "app-2"]
    assert [source["type"] for source in database["sources"]] == ["cluster", "postgresql", "files"]
    assert database["repositories"][0]["place"] == "/backup"
    assert replica["primary"] == "db-1" and replica["sources"] == []


def test_without_a_storage_nothing_is_said_to_be_backed_up():
    assert describe(["a"], {"a": {"apps": [APP]}})[0]["sources"] == []


@pytest.mark.parametrize(
    ("names", "limit"),
    [
        (list(HOSTVARS), ""),
        ([], ""),
        (["app-1", "app-2"], "applications"),
        (["app-1"], "app-1"),
        (["app-1", "db-1"], "app-1,db-1"),
    ],
)
def test_a_command_is_for_the_hosts_that_it_concerns(names, limit):
    assert Writer(HOSTS, "hosts.yml").limit(names) == limit


def test_every_command_of_a_playbook_says_what_its_line_says():
    for command in MADE:
        if command["playbook"]:
            words = shlex.split(command["run"])
            given = {word for flag, word in zip(words, words[1:], strict=False) if flag == "-e"}
            assert f"playbooks/{command['playbook']}.yml" in words
            assert given == {f"{key}={value}" for key, value in command["variables"].items()}
            assert ("--limit" in words) == bool(command["limit"])
            assert "--ask-vault-pass" in words


def test_what_is_run_on_a_host_names_it_and_what_changes_something_is_not_run_there():
    there = [command for command in MADE if command["where"] == "host"]
    assert {command["host"] for command in there} == set(HOSTVARS)
    assert not any(command["changes"] for command in there)


def test_paths_are_named_from_the_project_where_they_lie_in_it():
    near = runbook_commands(HOSTS, "/srv/p/inventories/x", "/srv/p", vaults=["/srv/p/a b.yml"])
    far = runbook_commands(HOSTS, "/etc/ansible", "/srv/p", prefix="farol.vps.")

    assert near[0]["run"].startswith("ansible-playbook -i inventories/x playbooks/")
    assert "ansible-vault edit 'a b.yml'" in [command["run"] for command in near]
    assert far[0]["run"].startswith("ansible-playbook -i /etc/ansible farol.vps.releases --limit")
