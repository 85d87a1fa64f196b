# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The project's own workflows agree with the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.farol.vps.tools.runner import stages

PROJECT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(PROJECT.glob(".github/workflows/*.yml"))

# ansible-test's copy of the project leaves out what a build ignores.
pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="a copy without .github")
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)


def jobs(name):
    return yaml.safe_load((PROJECT / ".github/workflows" / name).read_text())["jobs"]


def scripts(workflow):
    for job in yaml.safe_load(workflow.read_text())["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


@each_workflow
def test_actions_are_pinned_to_a_commit_and_say_its_version(workflow):
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert used
    assert [it for it in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", it)] == []


@each_workflow
def test_rights_are_given_where_they_are_needed(workflow):
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


@each_workflow
def test_every_job_ends(workflow):
    assert all(
        "timeout-minutes" in job for job in yaml.safe_load(workflow.read_text())["jobs"].values()
    )


@each_workflow
def test_make_targets_and_tools_exist(workflow):
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(scripts(workflow))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    assert all((PROJECT / tool).exists() for tool in re.findall(r"\btools/\w+", text))


@each_workflow
def test_no_secret_stands_in_a_command(workflow):
    assert [it for it in scripts(workflow) if "secrets." in it] == []


def test_all_that_test_all_consists_of_is_run_and_nothing_unknown():
    made = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    targets = {
        it
        for job in ("check", "machine")
        for it in jobs("ci.yml")[job]["strategy"]["matrix"]["target"]
    }
    assert targets <= made
    said = "\n".join(scripts(PROJECT / ".github/workflows/ci.yml"))
    run = targets | set(re.findall(r"\bmake ([a-z-]+)", said))
    # Those by matrices of their own: ansible-core's versions, and the scenarios.
    run |= {"sanity"} if "tools/sanity" in said else set()
    run |= set(stages.scenario_names()) if "tools/scenarios" in said else set()
    # `coverage` runs what `unit` does; a runner of GitHub's makes its images as it needs them.
    wanted = {stage.name for wave in stages.everything() for stage in wave}
    assert wanted - {"unit", "lab", "images"} <= run


@pytest.mark.skipif(
    shutil.which("jq") is None, reason="GitHub's runners have jq, this machine has not"
)
def test_every_scenario_is_run(tmp_path):
    (step,) = (it for it in jobs("ci.yml")["scenarios"]["steps"] if "run" in it)
    output = tmp_path / "output"
    environment = {**os.environ, "GITHUB_OUTPUT": str(output)}
    subprocess.run(["bash", "-eu", "-c", step["run"]], cwd=PROJECT, env=environment, check=True)
    name, _equals, value = output.read_text().strip().partition("=")
    assert name == "names"
    assert json.loads(value) == sorted(
        it.parent.name for it in PROJECT.glob("molecule/*/molecule.yml")
    )
    assert (
        jobs("ci.yml")["molecule"]["strategy"]["matrix"]["scenario"]
        == "${{ fromJSON(needs.scenarios.outputs.names) }}"
    )


def test_every_supported_ansible_is_run():
    """From the oldest that meta/runtime.yml allows to the one that requirements.txt pins."""
    runtime = yaml.safe_load((PROJECT / "meta/runtime.yml").read_text())["requires_ansible"]
    oldest = int(re.fullmatch(r">=2\.(\d+)\.0", runtime)[1])
    pinned = re.findall(
        r"^ansible-core==2\.(\d+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE
    )
    newest = max(map(int, pinned))
    matrix = jobs("ci.yml")["sanity"]["strategy"]["matrix"]["include"]
    assert [it["ansible"] for it in matrix] == [f"2.{minor}" for minor in range(oldest, newest + 1)]
