"""Bad input and faults: one clear error, and the old state serves on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

SITE = "playbooks/site.yml"
APPS = Path(__file__).parents[3] / "inventories/demo/group_vars/all/apps.yml"


@pytest.fixture
def entry() -> dict:
    return yaml.safe_load(APPS.read_text())["apps"][0]


@pytest.fixture
def serving(outside):
    """Whatever the test does, the release that served before serves afterwards."""

    def version() -> str:
        response = outside.curl("https://api.farol.test/")
        assert response.status == 200, response.body
        return response.json()["version"]

    before = version()
    yield before
    assert version() == before


def fails(lab, *options: str, **variables) -> str:
    """Run site.yml with these variables; it has to fail. What it printed."""
    run = lab.playbook(SITE, "-e", json.dumps(variables), *options)
    assert run.returncode != 0, run.stdout
    print(run.stdout + run.stderr)
    # Long messages are folded where they are shown.
    return " ".join((run.stdout + run.stderr).split())


def untouched(output: str) -> bool:
    return "changed=0" in output and "TASK [farol.vps.hardening" not in output


def test_an_unknown_key_in_apps_is_named_before_anything_changes(lab, entry, serving):
    output = fails(lab, apps=[{**entry, "domian": "x.farol.test"}])
    assert "domian" in output and lab.name in output and untouched(output)


def test_a_missing_key_in_apps_is_named(lab, entry, serving):
    del entry["image"]
    output = fails(lab, apps=[entry])
    assert "image" in output and untouched(output)


def test_a_wrong_type_in_a_roles_option_is_named(lab, serving):
    output = fails(lab, nginx_sites="none")
    assert "nginx_sites" in output and untouched(output)


def test_a_misspelt_option_is_named_with_the_right_one(lab, serving):
    output = fails(lab, hardening_authorised_keys=["ssh-ed25519 AAAA x"])
    assert "hardening_authorised_keys" in output and "hardening_authorized_keys" in output
    assert untouched(output)


def test_a_value_that_nginx_refuses_leaves_the_old_configuration(lab, server, serving):
    before = server.check_output("nginx -T 2>/dev/null | sha256sum")
    output = fails(lab, "--tags", "nginx", nginx_client_max_body_size="huge")
    assert "nginx" in output and "client_max_body_size" in output
    assert server.check_output("nginx -T 2>/dev/null | sha256sum") == before


def test_a_host_that_is_down_is_one_clear_line(lab, serving):
    output = fails(lab, ansible_host="172.30.99.119", ansible_timeout=3)
    assert "UNREACHABLE" in output and "172.30.99.119" in output


def test_a_key_that_the_host_does_not_know_is_one_clear_line(lab, tmp_path, serving):
    output = fails(lab, ansible_user="nobody", ansible_control_path="none", bootstrap_users=[])
    assert "UNREACHABLE" in output and "nobody" in output and "key" in output


def test_a_user_who_could_not_come_again_is_refused_where_the_providers_root_gets_in(lab, serving):
    lab.forget_connections()  # each task opens one, and UFW counts them
    output = fails(lab, ansible_user="nobody", ansible_control_path="none")
    assert "the inventory logs in as nobody" in output and "nothing was changed" in output
    assert "changed=0" in output
