# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers as ansible-core reads them from AWX's file of extra variables."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.farol.vps.plugins.filter.answer import answer


def read(typed: str):
    """What is typed into a survey, by the way of AWX: every string is tagged and quoted."""
    escaped = typed.replace("'", "''")
    return DataLoader().load(f"value: !unsafe '{escaped}'")["value"]


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "api",
        "1.4.2",
        "5",
        "2026-11-25",
        "2026-11-25T04:00:00+00:00",
        "sha256:0a1b",
        "{{ 7 * 7 }}",
        "it's",
    ],
)
def test_what_was_typed_comes_back(typed):
    assert answer(read(typed), "version") == typed


@pytest.mark.parametrize("typed", ["1.10", "true", "on", "5", ""])
def test_double_quotes_keep_an_answer_as_it_is(typed):
    assert answer(read(f'"{typed}"'), "version") == typed


@pytest.mark.parametrize(
    ("typed", "seen"), [("1.10", "a number, 1.1"), ("on", "true or false, True")]
)
def test_what_cannot_be_known_is_refused_with_the_remedy(typed, seen):
    with pytest.raises(
        AnsibleFilterError, match=f"^version: the answer has been read as {seen}; put it in double"
    ):
        answer(read(typed), "version")


def test_structure_is_no_answer():
    with pytest.raises(AnsibleFilterError, match="something else than text"):
        answer(["a"], "app")


def test_a_quote_alone_is_text():
    assert answer('"', "app") == '"'


def test_the_value_of_a_command_line_is_as_it_was():
    """-e version=1.10 is a string already."""
    assert answer("1.10", "version") == "1.10"
