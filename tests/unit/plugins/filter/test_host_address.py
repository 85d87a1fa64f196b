# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a host is, asked of the real ssh with a configuration of the test's own."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.host_address import filter_host_address
from ansible_collections.farol.vps.plugins.plugin_utils import _host_address


@pytest.fixture
def at(tmp_path):
    def call(**variables):
        config = tmp_path / "config"
        config.write_text(
            "Host shop\n  HostName 203.0.113.10\nHost inner\n  HostName 10.0.0.5\n  ProxyJump gate\n"
        )
        variables.setdefault("ansible_ssh_common_args", f"-F '{config}'")
        name = variables.pop("name", "shop")
        return filter_host_address(name, {name: variables})

    return call


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"ansible_host": "203.0.113.7"}, "203.0.113.7"),
        ({"name": "203.0.113.8"}, "203.0.113.8"),
        ({"name": "vps-1.example.com"}, "vps-1.example.com"),
        ({}, "203.0.113.10"),
        ({"name": "vps-1", "ansible_host": "shop"}, "203.0.113.10"),
        ({"name": "inner", "public_address": "203.0.113.9"}, "203.0.113.9"),
        ({"ansible_ssh_extra_args": "-o HostName=203.0.113.11"}, "203.0.113.11"),
    ],
)
def test_it_is_where_ssh_goes_unless_the_inventory_says_so(at, variables, address):
    assert at(**variables) == address


def test_a_jump_host_hides_it(at):
    with pytest.raises(AnsibleFilterError, match="inner is reached by way of 'gate'.* set public_"):
        at(name="inner")


def test_without_ssh_it_is_what_the_inventory_says(at, monkeypatch):
    monkeypatch.setattr(_host_address.subprocess, "run", _missing)
    assert at() == "shop"


def _missing(*_words, **_options):
    raise FileNotFoundError("ssh")
