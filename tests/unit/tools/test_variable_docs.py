# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.farol.vps.tools.role_docs import ROLES
from ansible_collections.farol.vps.tools.variable_docs import PAGE, main

SPEC = r"""---
argument_specs:
  main:
    short_description: Serve sites
    description: [Serves.]
    options:
      web_sites:
        description:
          - The V(sites) | to serve. More text.
          - Computed as V(apps | default([]\)) unless set.
        type: list
        elements: dict
        options:
          name: {description: Its name., type: str, required: true}
      web_domain: {description: Domain., type: str, choices: [a, b], required: true}
"""


@pytest.fixture
def roles(tmp_path):
    meta = tmp_path / "roles/web/meta"
    meta.mkdir(parents=True)
    (meta / "argument_specs.yml").write_text(SPEC)
    return tmp_path / "roles"


def test_the_page_follows_the_specs():
    assert main(["--check"]) == 0


def test_every_variable_has_its_row():
    listed = re.findall(r"^\| `(\w+)` \| \[(\w+)\]", PAGE.read_text(), re.MULTILINE)
    there = {
        (name, spec.parent.parent.name)
        for spec in ROLES.glob("*/meta/argument_specs.yml")
        for name in yaml.safe_load(spec.read_text())["argument_specs"]["main"]["options"]
    }
    assert len(listed) == len(there) and set(listed) == there


def test_a_variable_becomes_one_row_with_its_first_sentence(roles, tmp_path):
    target = tmp_path / "variables.md"
    assert main([], roles, target) == 0
    assert target.read_text().splitlines()[-2:] == [
        "| `web_domain` | [web](../roles/web/README.md) | str | **required** | Domain. |",
        r"| `web_sites` | [web](../roles/web/README.md) | list of dict | `{{ apps \| default([]) }}` | The `sites` \| to serve. |",
    ]


def test_a_page_that_differs_is_named_and_left_alone(roles, tmp_path, capsys):
    target = tmp_path / "variables.md"
    target.write_text("old")
    assert main(["--check"], roles, target) == 1
    assert f"{target}: differs from the specs" in capsys.readouterr().err
    assert target.read_text() == "old"


def test_a_role_without_a_spec_is_named(roles, tmp_path, capsys):
    (roles / "bare").mkdir()
    assert main([], roles, tmp_path / "variables.md") == 1
    assert "bare/meta/argument_specs.yml: missing" in capsys.readouterr().err
