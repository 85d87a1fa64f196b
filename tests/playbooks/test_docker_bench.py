# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How audit.yml runs docker-bench-security: on this machine as two hosts, with a script in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PRINTED = PROJECT / "tests/unit/fixtures/docker-bench.txt"
SCRIPT = """#!/bin/sh
# {version}
echo "$PWD $*" >>{calls}
cat functions/printed
exit {code}
"""
PLAY = """
- name: Audit
  hosts: all
  gather_facts: false
  tasks:
    - name: Let it look
      ansible.builtin.include_tasks: {part}
    - name: Sum up
      ansible.builtin.copy:
        content: "{{{{ ansible_play_hosts_all | farol.vps.audit_report(hostvars) | to_json }}}}"
        dest: {folder}/report.json
        mode: "0600"
      run_once: true
"""


@pytest.fixture
def audit(tmp_path):
    def run(folder):
        hosts = {
            name: {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "audit_docker_bench": str(folder),
                "audit_host": {"updates": []},
                "audit_outside": {"ports": []},
            }
            for name in ("one", "two")
        }
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        part = PROJECT / "playbooks/parts/docker_bench.yml"
        (tmp_path / "play.yml").write_text(PLAY.format(part=part, folder=tmp_path))
        (tmp_path / "tmp").mkdir()
        ran = subprocess.run(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                *("-i", tmp_path / "hosts.json", tmp_path / "play.yml"),
            ],
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_REMOTE_TMP": str(tmp_path / "remote"),
                "TMPDIR": str(tmp_path / "tmp"),
            },
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        left = [path.name for path in (tmp_path / "tmp").iterdir() if "docker-bench" in path.name]
        assert left == [] and not list((tmp_path / "tmp").glob("*.tar.gz"))
        return json.loads((tmp_path / "report.json").read_text())

    return run


@pytest.fixture
def bench(tmp_path):
    def make(printed=None, code=0, version="printremediation"):
        folder = tmp_path / "docker-bench-security"
        (folder / "functions").mkdir(parents=True)
        (folder / "functions/printed").write_text(printed or PRINTED.read_text())
        script = SCRIPT.format(version=version, calls=tmp_path / "calls", code=code)
        (folder / "docker-bench-security.sh").write_text(script)
        return folder

    return make


def skipped(made):
    return {
        one["host"]: one["why"] for one in made["skipped"] if one["what"] == "docker-bench-security"
    }


def test_it_runs_on_every_host_from_a_folder_that_goes(audit, bench, tmp_path):
    made = audit(bench())

    for host in ("one", "two"):
        ids = {one["id"] for one in made["places"][host]["findings"]}
        assert ids == {f"docker-bench:{name}" for name in ("1.1.1", "1.1.3", "5.2", "5.13")}
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert [options for _folder, *options in calls] == [["-b", "-p"]] * 2
    folders = {folder for folder, *_options in calls}
    assert len(folders) == 2 and not any(Path(folder).exists() for folder in folders)


def test_an_older_one_is_asked_for_no_remedies(audit, bench, tmp_path):
    audit(bench(version="1.3"))

    assert {line.split()[-1] for line in (tmp_path / "calls").read_text().splitlines()} == {"-b"}


def test_one_that_fails_is_told_and_the_audit_goes_on(audit, bench):
    made = audit(bench("Error connecting to docker daemon (does docker ps work?)\n", code=1))

    why = skipped(made)
    assert set(why) == {"one", "two"}
    assert all("Error connecting" in each for each in why.values())


def test_a_folder_that_is_not_there_is_told(audit, tmp_path):
    made = audit(tmp_path / "nowhere")

    assert all("nowhere" in each for each in skipped(made).values())
    assert set(skipped(made)) == {"one", "two"}
