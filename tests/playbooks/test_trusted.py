# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a balancer trusts, where the authority of one of its hosts is not known yet."""

from __future__ import annotations

import json

import pytest
from project_commands import PROJECT, run


@pytest.fixture
def render(tmp_path):
    known, missing = tmp_path / "app-1.pem", tmp_path / "app-2.pem"
    known.write_text("the authority of app-1\n")
    item = {"name": "api", "balance": {"ca_files": [str(known), str(missing)]}}
    source = PROJECT / "roles/nginx/templates/trusted.pem.j2"
    task = f"src={source} dest={tmp_path}/trusted.pem"

    def render(*arguments):
        given = ["-e", json.dumps({"item": item}), *arguments]
        return run("ansible", "localhost", "-m", "template", "-a", task, *given)

    return render


def test_the_error_says_where_to_run_this_too(render, tmp_path):
    done = render()
    text = " ".join(f"{done.stdout} {done.stderr}".split())
    assert done.returncode != 0
    assert "app-2.pem, the authority of a server of the site api: run this on that server" in text
    assert not (tmp_path / "trusted.pem").exists()


def test_a_prediction_goes_on_with_what_is_known(render):
    done = render("--check", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+the authority of app-1" in done.stdout
