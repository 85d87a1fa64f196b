# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json

import pytest
from awx_objects import VALUES, apply, for_awx


@pytest.fixture(scope="session")
def objects(tmp_path_factory):
    """Each list of playbooks/awx.yml by its name, as it would reach AWX."""
    run, written = apply(tmp_path_factory.mktemp("awx"), VALUES)
    assert run.returncode == 0, run.stdout + run.stderr
    return for_awx(json.loads(written.read_text()))


@pytest.fixture(scope="session")
def surveys(objects):
    """(template, question) for every question of a job template."""
    return [
        (template, question)
        for template in objects["controller_templates"]
        for question in template.get("survey_spec", {}).get("spec", [])
    ]
