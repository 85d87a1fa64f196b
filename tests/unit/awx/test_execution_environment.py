# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The execution environment's definition, as ansible-builder reads it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import ansible_collections
import pytest
import yaml
from ansible_builder._target_scripts.introspect import process_collection
from awx_objects import PROJECT
from packaging.requirements import Requirement

DEFINITION = yaml.safe_load((PROJECT / "execution-environment.yml").read_text())
GALAXY = yaml.safe_load((PROJECT / "galaxy.yml").read_text())


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """The build context, from the definition beside a stand-in for the collection's archive."""
    folder = tmp_path_factory.mktemp("ee")
    (folder / "execution-environment.yml").write_text(
        (PROJECT / "execution-environment.yml").read_text()
    )
    (folder / "awx").symlink_to(PROJECT / "awx")
    (folder / f"farol-vps-{GALAXY['version']}.tar.gz").touch()
    run = subprocess.run(
        [
            "ansible-builder",
            "create",
            "--file",
            "execution-environment.yml",
            "--output-filename",
            "Dockerfile",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No matches" not in run.stdout + run.stderr
    return folder / "context"


def test_the_collection_names_what_it_needs():
    python, system = process_collection(str(PROJECT))
    assert {"boto3", "jmespath"} <= names(python)
    assert "openssh-client [platform:dpkg]" in system and "openssh-clients [platform:rpm]" in system


def test_the_image_carries_this_version_of_the_collection(context):
    (collection,) = DEFINITION["dependencies"]["galaxy"]["collections"]
    assert collection["name"] == f"collections/farol-vps-{GALAXY['version']}.tar.gz"
    assert (context / "_build" / collection["name"]).exists()
    settings = yaml.safe_load((PROJECT / "awx/settings.yml").read_text())
    assert settings["farol_awx_version"] == GALAXY["version"]


def names(requirements):
    return {Requirement(line).name for line in requirements if not line.startswith("#")}


def test_the_image_carries_nothing_that_only_hosts_need():
    """ansible-builder installs what the collections ask for, unless they are excluded."""
    own = names(process_collection(str(PROJECT))[0])
    read = set(GALAXY["dependencies"]) - set(
        DEFINITION["dependencies"]["exclude"]["all_from_collections"]
    )
    installed = Path(ansible_collections.__path__[-1])
    assert all(installed.joinpath(*it.split(".")).is_dir() for it in read)
    asked = {
        it: names(process_collection(str(installed.joinpath(*it.split("."))))[0]) for it in read
    }
    assert {it: more for it, wants in asked.items() if (more := wants - own)} == {}


def test_ansible_is_the_one_that_is_tested():
    wanted = DEFINITION["dependencies"]["ansible_core"]["package_pip"]
    pinned = re.findall(
        r"^(ansible-core==\S+);", (PROJECT / "requirements.txt").read_text(), re.MULTILINE
    )
    assert wanted in pinned


def test_the_base_can_be_another_distribution(context):
    lines = (context / "Dockerfile").read_text()
    assert re.search(r'^ARG EE_BASE_IMAGE="quay\.io/', lines, re.MULTILINE)
    assert 'ARG PKGMGR="/opt/builder/bin/packages"' in lines
    assert "ensurepip" not in lines


@pytest.mark.parametrize(
    ("has", "given", "expected"),
    [
        ("apt-get", "install -y git", ["update -qq", "install -qq --no-install-recommends -y git"]),
        ("dnf", "install git", ["install -y --nodocs --setopt=install_weak_deps=0 git"]),
        ("microdnf", "clean all", ["clean all"]),
    ],
)
def test_packages_speaks_to_the_manager_that_is_there(tmp_path, has, given, expected):
    manager = tmp_path / has
    manager.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/said\n')
    manager.chmod(0o755)
    script = PROJECT / "awx/ee/packages"
    # Nothing else is in sight, so that the test's own machine does not answer.
    run = subprocess.run(
        ["/bin/sh", script, *given.split()],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "said").read_text().splitlines() == expected
