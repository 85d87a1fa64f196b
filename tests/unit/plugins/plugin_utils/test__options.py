# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._options import check_options, check_value

SITE = {
    "name": {"type": "str", "required": True},
    "port": {"type": "int", "default": 80},
    "tls": {"type": "bool"},
    "mode": {"type": "str", "choices": ["on", "off"]},
    "paths": {"type": "list", "elements": "str", "choices": ["/a", "/b"]},
    "health": {"type": "dict", "options": {"path": {"type": "str", "required": True}}},
}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"name": "a", "port": "80", "tls": False, "mode": "on", "paths": ["/a"]}, None),
        ({"name": "a", "tls": None, "health": None, "paths": []}, None),
        ({"name": 5}, None),
        ({}, "sites[0].name: missing"),
        ({"name": None}, "sites[0].name: expected str, got nothing"),
        ({"name": 1.1}, "sites[0].name: expected str, got float; put it in quotes"),
        ({"name": True}, "sites[0].name: expected str, got bool; put it in quotes"),
        ({"name": ["a"]}, "sites[0].name: expected str, got list"),
        ({"name": "a", "port": "http"}, "sites[0].port: expected int, got str"),
        ({"name": "a", "port": True}, "sites[0].port: expected int, got bool"),
        ({"name": "a", "port": None}, "sites[0].port: expected int, got nothing"),
        (
            {"name": "a", "tls": "false"},
            "sites[0].tls: expected bool, got str; write true or false, without quotes",
        ),
        ({"name": "a", "mode": "of"}, "sites[0].mode: of is none of on, off"),
        ({"name": "a", "paths": "/a"}, "sites[0].paths: expected list, got str"),
        ({"name": "a", "paths": ["/a", "/c"]}, "sites[0].paths[1]: /c is none of /a, /b"),
        ({"name": "a", "paths": [None]}, "sites[0].paths[0]: expected str, got nothing"),
        ({"name": "a", "health": {}}, "sites[0].health.path: missing"),
        ({"name": "a", "health": "x=1"}, "sites[0].health: expected dict, got str"),
        ({"name": "a", "prot": 1}, "sites[0].prot: unknown; did you mean port?"),
        ({"name": "a", "zzz": 1}, "sites[0].zzz: unknown"),
        ("a", "sites[0]: expected dict, got str"),
    ],
)
def test_a_fault_names_its_path(value, fault):
    option = {"type": "list", "elements": "dict", "options": SITE}
    assert check_value([value], option, "sites") == ([fault] if fault else [])


def test_all_faults_are_found_at_once():
    faults = check_options({"prot": 1, "tls": 2}, SITE)
    assert faults == [
        "name: missing",
        "prot: unknown; did you mean port?",
        "tls: expected bool, got int",
    ]


def test_the_value_is_never_shown():
    faults = check_value("hunter2", {"type": "dict"}, "secrets")
    assert faults == ["secrets: expected dict, got str"]


@pytest.mark.parametrize("value", [None, 1, "a", [1, {"a": None}], {"a": 1}])
def test_anything_goes_where_nothing_is_said(value):
    assert check_value([value], {"type": "list"}, "x") == []
    assert check_value({"a": value}, {"type": "dict"}, "x") == []


def test_an_object_of_no_yaml_type_is_named():
    assert check_value({1}, {"type": "list"}, "x") == ["x: expected list, got object"]
