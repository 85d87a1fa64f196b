# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Surveys: what AWX would refuse or misread, and whether a playbook knows what it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.vars.reserved import get_reserved_names
from awx_objects import Documented, body, documented, role_options

# What AWX gives every job.
AWX_PREFIXES = ("awx_", "tower_", "ansible_")
# A fault on purpose is nothing for a button.
NOT_ASKED = {
    # A folder of the controller: a job's container has none unless AWX is told to show it one.
    "audit.yml": {"audit_docker_bench"},
    "fire_drill.yml": {"drill", "drill_host", "app"},
}


def playbook(template):
    return Path(template["playbook"]).name


def fits(kind: str, question: dict) -> bool:
    """Whether an answer, which comes as a string or a whole number, can be read as the type."""
    choices = question.get("choices", [])
    if kind == "bool":
        return question["type"] == "multiplechoice" and set(choices) == {"true", "false"}
    if kind == "int":
        return (
            question["type"] == "integer" or bool(choices) and all(it.isdigit() for it in choices)
        )
    if kind == "list":
        return question["type"] == "multiselect"
    return question["type"] in ("text", "textarea", "password", "multiplechoice")


def test_variables_are_asked_once(objects):
    for item in [*objects["controller_templates"], *objects["controller_workflows"]]:
        asked = [it["variable"] for it in item.get("survey_spec", {}).get("spec", [])]
        assert sorted(set(asked)) == sorted(asked), item["name"]


def test_defaults_are_answers_that_awx_takes(surveys):
    for template, question in surveys:
        where = f"{template['name']}: {question['variable']}"
        if "choices" in question:
            assert question.get("default", question["choices"][0]) in question["choices"], where
        if question["type"] == "integer" and "default" in question:
            assert question["min"] <= question["default"] <= question["max"], where


def test_a_choice_has_a_default_or_may_be_left_out(surveys):
    for template, question in surveys:
        if question["type"] == "multiplechoice" and question["required"]:
            assert "default" in question, f"{template['name']}: {question['variable']}"


def test_names_are_not_reserved(surveys):
    for template, question in surveys:
        name = question["variable"]
        assert name not in get_reserved_names(), f"{template['name']}: {name} is Ansible's"
        assert not name.startswith(AWX_PREFIXES), f"{template['name']}: {name} is AWX's"


def test_every_question_is_documented_with_the_same_type(surveys):
    options = role_options()
    for template, question in surveys:
        name = question["variable"]
        where = f"{template['name']}: {name}"
        if name in options:
            assert fits(options[name]["type"], question), where
            allowed = options[name].get("choices")
            assert not allowed or set(question.get("choices", [])) <= set(allowed), where
        else:
            known = documented(playbook(template))
            assert name in known, f"{where} is not in the comment of {template['playbook']}"
            assert fits(known[name].type, question), (
                f"{where} is documented as {known[name].example}"
            )


def test_every_question_is_read_by_the_playbook(surveys):
    for template, question in surveys:
        assert re.search(rf"\b{question['variable']}\b", body(playbook(template))), (
            f"{template['name']}: {template['playbook']} never reads {question['variable']}"
        )


def test_everything_documented_is_asked(objects):
    for template in objects["controller_templates"]:
        asked = {it["variable"] for it in template.get("survey_spec", {}).get("spec", [])}
        given = asked | set(template.get("extra_vars", {}))
        wanted = set(documented(playbook(template))) - NOT_ASKED.get(playbook(template), set())
        assert given == wanted, template["name"]


def test_what_may_be_left_out_is_read_as_text(surveys):
    """An empty answer reaches a playbook as null, and 5 as a number: the filter answer makes text of both."""
    for template, question in surveys:
        if not question["required"] or question["variable"] == "version":
            name = question["variable"]
            read = rf"\b{name} \| default\(''\) \| farol\.vps\.answer\('{name}'\)"
            assert re.search(read, body(playbook(template))), (
                f"{template['name']}: {template['playbook']} reads {name} without farol.vps.answer"
            )


def test_restore_asks_for_its_confirmation_and_prefills_nothing(surveys):
    asked = {q["variable"]: q for t, q in surveys if t["name"] == "farol restore"}
    assert asked["confirm"]["required"] and not asked["confirm"].get("default")
    assert asked["source"]["required"] and not asked["source"].get("default")
    assert asked["discard_replaced"]["default"] == "false"


@pytest.mark.parametrize(
    ("kind", "question", "expected"),
    [
        ("bool", {"type": "text"}, False),
        ("bool", {"type": "multiplechoice", "choices": ["yes", "no"]}, False),
        ("bool", {"type": "multiplechoice", "choices": ["true", "false"]}, True),
        ("int", {"type": "text"}, False),
        ("int", {"type": "multiplechoice", "choices": ["1", "x"]}, False),
        ("int", {"type": "integer"}, True),
        ("str", {"type": "integer"}, False),
        ("list", {"type": "text"}, False),
    ],
)
def test_types_that_do_not_fit_are_told_apart(kind, question, expected):
    assert fits(kind, question) is expected


def test_the_comment_of_a_playbook_is_understood():
    assert documented("drain.yml")["out"] == Documented("out", "true|false")
    assert documented("drain.yml")["out"].type == "bool"
    assert documented("drain.yml")["drain_timeout"].type == "int"
    assert documented("rollback.yml")["to"].type == "str"
