# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program as the role puts it on a host: its own files, the interpreter alone, a configuration."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import report_week
from report_servers import Prometheus, serve

PROJECT = Path(__file__).parents[3]
TREE = PROJECT / "roles/monitoring/templates/report"
MODULES = "ansible_collections/farol/vps/plugins/module_utils"
HOME = "/usr/local/lib/farol"


@pytest.fixture
def report(tmp_path):
    """Run it with nothing of this project in reach."""
    (tmp_path / MODULES).mkdir(parents=True)
    # The pattern of tasks/report.yml.
    for source in (PROJECT / "plugins/module_utils").glob("_monitoring_report_*.py"):
        shutil.copy(source, tmp_path / MODULES)
    text = (TREE / "usr/local/lib/farol/report").read_text()
    assert HOME in text and "/usr/bin/python3" in text
    script = tmp_path / "report"
    script.write_text(
        text.replace(HOME, str(tmp_path)).replace(
            "/usr/bin/python3", f"{sys.executable} -S -W error"
        )
    )
    script.chmod(0o755)

    def run(*arguments):
        return subprocess.run(
            [script, *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            env={"LC_ALL": "C"},
            timeout=60,
            check=False,
        )

    return run


def test_it_needs_nothing_but_the_files_of_the_role(report, tmp_path):
    config = tmp_path / "report.json"
    with serve(Prometheus()) as server:
        report_week.tell(server, report_week.DAY)
        told = {"prometheus": server.url, "folder": str(tmp_path / "out"), "keep": 2}
        config.write_text(json.dumps(told))
        done = report("weekly", "--config", str(config))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    [page] = (tmp_path / "out").iterdir()
    assert page.read_text(encoding="utf-8").endswith("</html>\n")


def test_a_report_that_fails_ends_with_1_and_one_line(report, tmp_path):
    config = tmp_path / "report.json"
    config.write_text(json.dumps({"prometheus": "http://127.0.0.1:1", "folder": "/", "keep": 1}))
    done = report("daily", "--config", str(config))
    assert done.returncode == 1
    assert re.fullmatch(
        r"report: Prometheus at http://127\.0\.0\.1:1 does not answer: .*\n", done.stderr
    )


def test_the_unit_may_write_where_the_configuration_says():
    unit = (TREE / "etc/systemd/system/farol-report@.service").read_text()
    config = (TREE / "etc/farol/report.json.j2").read_text()
    [state] = re.findall(r"^StateDirectory=(.+)$", unit, re.MULTILINE)
    assert f"'folder': '/var/lib/{state}'" in config
    assert f"ExecStart={HOME}/report %i\n" in unit
