# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A scenario is proven for the very content that it passed with, and a change selects what depends on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.farol.vps.tools.runner.proof import Proofs
from ansible_collections.farol.vps.tools.runner.stages import scenario_names

PROJECT = Path(__file__).resolve().parents[3]
SCENARIOS = ["backup", "edge"]


def git(project, *arguments):
    names = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *names, *arguments], cwd=project, check=True, capture_output=True)


@pytest.fixture
def proofs(tmp_path):
    files = {
        "molecule/backup/paths": "molecule/backup\nroles/backup\nplugins/*backup*\n",
        "molecule/edge/paths": "molecule/edge\nroles/nginx\n",
        "roles/backup/tasks/main.yml": "a",
        "roles/nginx/tasks/main.yml": "a",
        "plugins/module_utils/_backup_run.py": "a",
        ".gitignore": "*.pyc\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    return Proofs(tmp_path)


def changes(proofs):
    return proofs.changed("HEAD", SCENARIOS)


def test_nothing_is_proven_without_a_run(proofs):
    assert "no green run" in proofs.state("backup")
    assert proofs.summary(SCENARIOS) == "proven: none\nnot proven: backup, edge"


def test_a_green_run_proves_its_scenario_alone_until_something_changes(proofs):
    proofs.write("edge", proofs.digest("edge"), 214.6)
    assert proofs.state("edge").startswith("proven on 20")
    assert proofs.state("edge").endswith("in 215 s")
    assert proofs.summary(SCENARIOS) == "proven: edge\nnot proven: backup"
    (proofs.project / "roles/backup/tasks/main.yml").write_text("b")
    assert proofs.state("edge").startswith("proven")
    (proofs.project / "roles/nginx/tasks/main.yml").write_text("b")
    assert "has changed since" in proofs.state("edge")
    (proofs.project / "roles/nginx/tasks/main.yml").write_text("a")
    assert proofs.state("edge").startswith("proven")


def test_a_later_run_takes_the_place_of_the_one_before(proofs):
    for digest in ("0", "1"):
        proofs.write("backup", digest, 1)
    proofs.write("edge", "2", 1)
    assert [proof.digest for proof in proofs.read().values()] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "touched"),
    [
        ("roles/nginx/tasks/main.yml", ["edge"]),
        ("roles/nginx/tasks/new.yml", ["edge"]),
        ("plugins/module_utils/_backup_run.py", ["backup"]),
        ("plugins/modules/backup_new.py", ["backup"]),
        ("roles/nginx/tasks/left.pyc", []),
        ("roles/redis/tasks.yml", []),
    ],
)
def test_a_change_selects_what_depends_on_it_known_to_git_or_not(proofs, name, touched):
    (proofs.project / name).parent.mkdir(parents=True, exist_ok=True)
    before = {it: proofs.digest(it) for it in SCENARIOS}
    (proofs.project / name).write_text("changed")
    assert changes(proofs) == touched
    assert [it for it in SCENARIOS if proofs.digest(it) != before[it]] == touched


def test_a_file_that_is_gone_or_may_be_run_is_a_change(proofs):
    before = proofs.digest("backup")
    file = proofs.project / "plugins/module_utils/_backup_run.py"
    file.chmod(0o755)
    assert proofs.digest("backup") != before and changes(proofs) == ["backup"]
    file.unlink()
    assert proofs.digest("backup") != before and changes(proofs) == ["backup"]


@pytest.mark.skipif(not (PROJECT / "molecule").exists(), reason="a copy without molecule")
@pytest.mark.parametrize("name", scenario_names())
def test_each_scenario_names_what_is_there(name):
    paths = Proofs(PROJECT).paths(name)
    assert f"molecule/{name}" in paths
    assert [path for path in paths if not any(PROJECT.glob(path.replace("/*", "/**/*")))] == []
