# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the module calls Sentry's client; test_sentry_traffic.py has the real one."""

from __future__ import annotations

import json

import pytest
from ansible_collections.farol.vps.plugins.modules import sentry_sourcemaps
from sentry_host import call
from sentry_server import TOKEN

# Prints as the real one does, and keeps its arguments and environment.
CLIENT = """#!/bin/sh
echo "$*" >>{folder}/calls
env >{folder}/environment
case "$*" in
*inject*) echo "  {injected}: The following source files" ;;
*) echo "> {uploaded}" ;;
esac
exit {status}
"""


class Nowhere:
    url = "https://sentry.example"


@pytest.fixture
def maps(tmp_path):
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in ("app.js", "app.js.map", "index.html"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def run(tmp_path, maps, capsys):
    def run(injected="Modified", uploaded="Uploaded files to Sentry", status=0, **options):
        program = tmp_path / "sentry-cli"
        program.write_text(
            CLIENT.format(folder=tmp_path, injected=injected, uploaded=uploaded, status=status)
        )
        program.chmod(0o755)
        given = {"path": str(maps), "projects": ["shop"], "executable": str(program)}
        given |= {"retry_delay": None, "timeout": None}
        return call(sentry_sourcemaps, Nowhere, capsys, **{**given, **options})

    return run


def test_the_client_injects_and_uploads(tmp_path, maps, run):
    result = run(version="shop@2.1.0", dist="7", url_prefix="~/static", wait_for=60)
    assert (result["changed"], result["files"]) == (True, 2)
    calls = (tmp_path / "calls").read_text()
    assert calls.splitlines() == [
        f"sourcemaps inject -- {maps}",
        "sourcemaps upload --wait-for=60 --org=acme --project=shop --release=shop@2.1.0 --dist=7 "
        f"--url-prefix=~/static -- {maps}",
    ]
    environment = (tmp_path / "environment").read_text()
    assert f"SENTRY_AUTH_TOKEN={TOKEN}" in environment and TOKEN not in calls
    assert "SENTRY_URL=https://sentry.example" in environment


@pytest.mark.parametrize(
    ("injected", "uploaded", "changed"),
    [
        ("Ignored", "Nothing to upload, all files are on the server", False),
        ("Modified", "Nothing to upload, all files are on the server", True),
        ("Ignored", "Uploaded files to Sentry", True),
    ],
)
def test_what_is_there_is_no_change(run, injected, uploaded, changed):
    assert run(injected, uploaded)["changed"] is changed


def test_check_mode_calls_nobody(tmp_path, run):
    assert run(check=True)["changed"] is True
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executable": "/nowhere/sentry-cli"}, "sentry-cli is not installed here; install it"),
        ({"version": "a/b"}, "version: 'a/b' holds '/'"),
        ({"path": "/dev"}, "path: /dev has no scripts and no maps; build the front end first"),
        ({"status": 1}, "sentry-cli sourcemaps inject: ended with 1"),
        ({"token": ""}, "token: is empty"),
    ],
    ids=str,
)
def test_faults_are_named(run, options, message):
    assert message in json.dumps(run(**options)["msg"])
