# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role `scaffold` writes into a repository, and what it leaves alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import yaml
from scaffold_app import FILES, PROJECT, SOURCES, files, scaffold, write


@pytest.fixture(scope="module", params=["python", "node"])
def repository(request, tmp_path_factory):
    """A scaffolded application, with the output of the run."""
    folder = write(tmp_path_factory.mktemp(request.param), request.param)
    run = scaffold(folder, scaffold_accessories=["postgres", "redis"])
    assert run.returncode == 0, run.stdout
    return request.param, folder, run.stdout


def workflow(folder):
    return yaml.safe_load((folder / ".github/workflows/release.yml").read_text())


def test_everything_is_there_and_the_sources_are_as_they_were(repository):
    language, folder, stdout = repository
    there = files(folder)
    assert set(there) == FILES | set(SOURCES[language])
    assert {name: there[name] for name in SOURCES[language]} == SOURCES[language]
    assert "kept as it is: nothing" in stdout


def test_no_jinja_of_the_templates_is_left(repository):
    for name, text in files(repository[1]).items():
        assert not re.search(r"\[\[|\[%|\{%|#jinja2|(?<!\$)\{\{", text), name


def test_yaml_is_as_strict_as_our_own(repository):
    _language, folder, _stdout = repository
    made = [folder / "compose.yaml", folder / ".github/workflows/release.yml"]
    run = subprocess.run(
        ["yamllint", "--strict", "-c", PROJECT / ".yamllint", *made],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint_has_nothing_to_say(repository):
    run = subprocess.run(
        ["hadolint", repository[1] / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout


def test_the_image_is_built_in_stages_and_runs_as_nobody(repository):
    text = (repository[1] / "Dockerfile").read_text()
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 2
    final = text.split("FROM ")[-1]
    assert "USER 10001:10001" in final and "HEALTHCHECK" in final
    json.loads(re.findall(r"^CMD (\[.*\])$", final, re.MULTILINE)[-1])


def test_secrets_stay_out_of_the_image(repository):
    ignored = (repository[1] / ".dockerignore").read_text().splitlines()
    assert {".git", ".env", ".env.*"} <= set(ignored)


def test_the_workflow_goes_through_all_stages(repository):
    jobs = workflow(repository[1])["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "lint": None,
        "test": "lint",
        "security": "test",
        "build": "security",
        "deploy": "build",
        "notify": ["lint", "test", "security", "build", "deploy"],
    }
    assert "always()" in jobs["notify"]["if"]
    build = next(step for step in jobs["build"]["steps"] if "build-push" in step.get("uses", ""))
    assert build["with"]["cache-from"] == "type=gha"
    assert "farol.vps.deploy" in jobs["deploy"]["steps"][-1]["run"]


def test_actions_are_pinned_and_rights_are_few(repository):
    text = (repository[1] / ".github/workflows/release.yml").read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", it) for it in used)
    assert workflow(repository[1])["permissions"] == {"contents": "read"}


def test_no_secret_and_no_event_is_written_into_a_command(repository):
    """What an expression puts into a script is run by it, so scripts read the environment alone."""
    for job in workflow(repository[1])["jobs"].values():
        assert [step["run"] for step in job["steps"] if "${{" in step.get("run", "")] == []


def test_the_accessories_stand_beside_it(repository):
    compose = yaml.safe_load((repository[1] / "compose.yaml").read_text())
    assert set(compose["services"]) == {"web", "postgres", "redis"}
    assert set(compose["services"]["web"]["depends_on"]) == {"postgres", "redis"}
    assert set(compose["volumes"]) == {"postgres", "redis"}
    assert compose["services"]["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_what_is_there_is_kept_under_any_of_its_names(tmp_path):
    write(tmp_path, "python")
    own = {
        "Containerfile": "FROM scratch\n",
        "docker-compose.yml": "services: {}\n",
        ".env.example": "X=1\n",
    }
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    predicted = scaffold(tmp_path, "--check")
    assert predicted.returncode == 0, predicted.stdout
    assert set(files(tmp_path)) == set(own) | set(SOURCES["python"])

    run = scaffold(tmp_path)
    assert run.returncode == 0, run.stdout
    for stdout in (predicted.stdout, run.stdout):
        assert "written: .dockerignore, .github/workflows/release.yml" in stdout
        assert "kept as it is: Containerfile, docker-compose.yml, .env.example" in stdout
    there = files(tmp_path)
    assert {name: there[name] for name in own} == own
    assert not (tmp_path / "Dockerfile").exists() and not (tmp_path / "compose.yaml").exists()

    again = scaffold(tmp_path)
    assert "changed=0" in again.stdout and "written: nothing" in again.stdout
    assert files(tmp_path) == there


def test_node_wins_where_both_are_there_unless_python_is_asked_for(tmp_path):
    write(tmp_path, "python")
    write(tmp_path, "node")
    run = scaffold(tmp_path)
    assert run.returncode == 0, run.stdout
    assert "FROM ${BASE_IMAGE}" in (tmp_path / "Dockerfile").read_text()
    assert "npm ci" in (tmp_path / "Dockerfile").read_text()
    (tmp_path / "Dockerfile").unlink()
    assert scaffold(tmp_path, scaffold_language="python").returncode == 0
    assert "/opt/venv/bin/pip" in (tmp_path / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"scaffold_path": "/nowhere/api"},
            "/nowhere/api: nothing was written. There is no such folder",
        ),
        ({}, "say what it is written in"),
        ({"scaffold_language": "python", "scaffold_name": "Api"}, "scaffold_name is Api"),
        ({"scaffold_language": "python", "scaffold_image": "ghcr.io/acme/api:1"}, "and no tag"),
        ({"scaffold_language": "cobol"}, "scaffold_language"),
        (
            {"scaffold_language": "python", "scaffold_accessories": ["mysql"]},
            "scaffold_accessories",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path, values, message):
    run = scaffold(tmp_path, **values)
    assert run.returncode == 2
    assert message in run.stdout
    assert files(tmp_path) == {}
