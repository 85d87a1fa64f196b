# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""verify.yml on this machine as two hosts, with a server of the test as what is looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from endpoints import endpoints

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def verify(tmp_path):
    def run(*checks):
        here = {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        }
        well = {"name": "file", "type": "http", "url": checks[0]}
        hosts = {
            "well": {**here, "verify_host_checks": [well]},
            "other": {
                **here,
                "verify_outside_checks": [
                    {"name": "page", "type": "http", "url": url} for url in checks
                ],
            },
        }
        inventory = tmp_path / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory]
        ran = subprocess.run(
            [*command, PROJECT / "playbooks/verify.yml", "-e", "verify_timeout=1"],
            env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        folder = tmp_path / ".reports/verify"
        written = json.loads((folder / "results.json").read_text())["checks"]
        return ran, {(one["host"], one["name"]): one["state"] for one in written}, folder

    return run


def test_all_is_well_and_the_exit_status_says_so(verify):
    with endpoints(1, 0) as (url,):
        ran, states, folder = verify(url)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert states == {
        ("well", "login"): "passed",
        ("well", "file"): "passed",
        ("other", "page"): "passed",
        ("other", "login"): "passed",
    }
    assert "4 passed, 0 failed" in ran.stdout
    assert {path.name for path in folder.iterdir()} == {"results.json", "junit.xml", "report.html"}


def test_one_failure_of_one_host_fails_the_run_and_is_in_every_file(verify):
    with endpoints(1, 0) as (url,):
        ran, states, folder = verify(url, "http://127.0.0.1:1/")

    assert ran.returncode == 2
    assert states["other", "page"] == "failed" and states["well", "file"] == "passed"
    assert "4 passed, 1 failed" in ran.stdout
    suites = ElementTree.parse(folder / "junit.xml").getroot()
    assert suites.attrib["failures"] == "1"
    assert "connection refused" in (folder / "report.html").read_text()
