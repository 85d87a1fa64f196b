# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What playbooks/scaffold.yml writes, built and started where the official images are out of reach: on the lab's own."""

from __future__ import annotations

import subprocess
import time

import pytest
from scaffold_app import scaffold, write

# The scanner has Node.js, and a user of its own where the official image has root.
BASES = {
    "python": "FROM farol-lab/python:noble",
    "node": "FROM farol-lab/scanner\nUSER root\nENV HOME=/root\nWORKDIR /",
}


def docker(*arguments, check=True):
    run = subprocess.run(
        ["docker", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0 or not check, run.stdout[-2000:] + run.stderr[-2000:]
    return run.stdout.strip()


@pytest.fixture(params=BASES)
def image(request, tmp_path):
    base, tag = f"farol-lab/scaffold-base:{request.param}", f"farol-lab/scaffold:{request.param}"
    (tmp_path / "base").mkdir()
    (tmp_path / "base/Dockerfile").write_text(BASES[request.param] + "\n")
    docker("build", "--label", "farol-lab", "--tag", base, tmp_path / "base")
    (tmp_path / "app").mkdir()
    folder = write(tmp_path / "app", request.param)
    run = scaffold(folder)
    assert run.returncode == 0, run.stdout
    docker(
        "build", "--label", "farol-lab", "--tag", tag, "--build-arg", f"BASE_IMAGE={base}", folder
    )
    yield tag
    docker("rmi", "--force", tag, base, check=False)


def test_the_image_becomes_healthy_without_rights_and_without_secrets(image):
    name = image.replace("/", "-").replace(":", "-")
    strict = [
        "--read-only",
        "--tmpfs",
        "/tmp",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
    ]
    docker("run", "--detach", "--rm", "--name", name, "--label", "farol-lab", *strict, image)
    try:
        for _ in range(240):
            if (
                state := docker("inspect", "--format", "{{.State.Health.Status}}", name)
            ) == "healthy":
                break
            time.sleep(0.5)
        assert state == "healthy", docker("logs", name)
        assert docker("exec", name, "id", "-u") == "10001"
        assert ".env" not in docker("exec", name, "ls", "-A", "/app").split()
    finally:
        docker("kill", name, check=False)
