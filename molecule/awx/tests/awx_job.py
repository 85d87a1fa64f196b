# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A job as AWX runs it: a directory in ansible-runner's shape, mounted into the execution environment's container.

The inventory is a script, answers are strings marked unsafe, credentials are injected as variables and environment, the key comes from
an agent, the project is read-only, and the user
of the container has no home folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[3]
IMAGE = "farol-lab/ee:noble"
NETWORK = "farol-lab"
# What AWX sets for every job.
ENVIRONMENT = {
    "ANSIBLE_COLLECTIONS_PATH": "/runner/requirements_collections:~/.ansible/collections:/usr/share/ansible/collections",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_SSH_CONTROL_PATH_DIR": "/runner/cp",
    "ANSIBLE_FORCE_COLOR": "False",
}


class Unsafe(str):
    """What somebody typed: never a template."""


class Dumper(yaml.SafeDumper):
    pass


Dumper.add_representer(Unsafe, lambda dumper, it: dumper.represent_scalar("!unsafe", str(it)))


@dataclass
class Runner:
    """Where jobs run: a folder of its own for each, an inventory for all."""

    folder: Path
    inventory: dict[str, Any]
    key: str
    injected: dict[str, dict[str, str]]
    count: int = 0

    def start(self, template: dict[str, Any], answers: dict[str, str], **options: Any) -> Job:
        """Begin a job; options are ``check``, ``limit`` and ``key``, which is given unless it is None."""
        self.count += 1
        directory = self.folder / f"job-{self.count}"
        job = Job(directory, template["name"])
        for name in ("env", "inventory", "artifacts", "cp"):
            (directory / name).mkdir(parents=True)
        hosts = directory / "inventory/hosts"
        hosts.write_text(
            f"#!/usr/bin/env python3\nprint({json.dumps(json.dumps(self.inventory))})\n"
        )
        hosts.chmod(0o755)
        write(directory / "env/envvars", {**ENVIRONMENT, **self.injected.get("env", {})})
        injected = {name: Unsafe(it) for name, it in self.injected.get("extra_vars", {}).items()}
        write(directory / "env/credentials", injected)
        write(directory / "env/extravars", given(template, answers))
        if (key := options.get("key", self.key)) is not None:
            (directory / "env/ssh_key").write_text(key)
        line = ["-e", "@/runner/env/credentials", *(["--check"] if options.get("check") else [])]
        (directory / "env/cmdline").write_text(" ".join([*line, *limit(options)]))
        job.begin(template["playbook"])
        return job

    def run(self, template: dict[str, Any], answers: dict[str, str], **options: Any) -> Job:
        return self.start(template, answers, **options).wait()


def limit(options: dict[str, Any]) -> list[str]:
    return ["--limit", options["limit"]] if options.get("limit") else []


def given(template: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    """What a launch gives the job: the template's own values, the survey's defaults, then the answers."""
    spec = template.get("survey_spec", {}).get("spec", [])
    unknown = set(answers) - {question["variable"] for question in spec}
    assert not unknown, f"{template['name']} does not ask for {unknown}"
    defaults = {it["variable"]: it["default"] for it in spec if "default" in it}
    asked = {name: Unsafe(value) for name, value in {**defaults, **answers}.items()}
    return {**template.get("extra_vars", {}), "awx_job_id": 7, "tower_job_id": 7, **asked}


def write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.dump(values, Dumper=Dumper, sort_keys=False))


@dataclass
class Job:
    directory: Path
    name: str
    stdout: str = ""
    status: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def begin(self, playbook: str) -> None:
        user = os.getuid() or 1000
        # A path that AWX shows to all jobs, since what else they write is gone with their container.
        shared = self.directory.parent / "shared"
        shared.mkdir(exist_ok=True)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{user}:0", self.directory, shared], check=True)
        mounts = [
            "-v",
            f"{shared}:/var/lib/farol",
            "-v",
            f"{self.directory}:/runner",
            "-v",
            f"{PROJECT}:/runner/project:ro",
        ]
        command = [
            "docker",
            "run",
            "--rm",
            "--name",
            self.container,
            "--label",
            "farol-lab",
            "--network",
            NETWORK,
        ]
        self.process = subprocess.Popen(
            [
                *[*command, *mounts, "--user", f"{user}:0", IMAGE],
                *["ansible-runner", "run", "/runner", "--playbook", playbook, "--ident", "job"],
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def container(self) -> str:
        return f"farol-awx-{self.directory.name}"

    def wait(self) -> Job:
        assert self.process is not None
        self.stdout = " ".join(self.process.communicate(timeout=900)[0].split())
        with contextlib.suppress(FileNotFoundError):
            self.status = (self.directory / "artifacts/job/status").read_text()
        return self

    def kill(self) -> None:
        """What a lost node does to a job."""
        subprocess.run(["docker", "kill", self.container], check=True, capture_output=True)
        self.wait()

    def forget(self) -> None:
        shutil.rmtree(self.directory)
