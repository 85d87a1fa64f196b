# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases at Bugsink: a server that answers like it, and the real one where it is installed."""

from __future__ import annotations

import json
import shutil

import pytest
from ansible_collections.farol.vps.plugins.modules import (
    sentry_release,
    sentry_release_info,
    sentry_sourcemaps,
)
from bugsink_fake import FakeBugsink
from bugsink_host import BugsinkServer
from sentry_host import call


@pytest.fixture(scope="module", params=["fake", "real"])
def server(request, tmp_path_factory):
    if request.param == "real" and not shutil.which("bugsink-manage"):
        pytest.skip(
            "bugsink is not installed: pip install bugsink (its first start takes a minute)"
        )
    real = request.param == "real"
    server = BugsinkServer(tmp_path_factory.mktemp("bugsink")) if real else FakeBugsink()
    yield server
    server.close()


@pytest.fixture
def run(server, capsys):
    def run(module=sentry_release, **options):
        given = {"token": server.token, "organization": None, "backend": "bugsink", "timeout": 20}
        return call(module, server, capsys, **{**given, **options})

    return run


def versions(run):
    found = run(sentry_release_info, project="web")["releases"]
    return [each["version"] for each in found]


def test_a_release_is_registered_once(run):
    first = run(version="api@1.0.0", projects=["web"])
    assert (first["changed"], first["releases"][0]["did"]) == (True, ["create for web"])
    assert run(version="api@1.0.0", projects=["web"])["changed"] is False
    assert versions(run) == ["api@1.0.0"]


def test_a_project_is_named_by_its_number_too(run):
    assert run(version="api@1.0.1", projects=["1"])["requests"] == 1
    assert run(version="api@1.0.1", projects=["web"])["changed"] is False


def test_check_mode_predicts(run):
    assert run(check=True, version="api@1.0.2", projects=["web"])["changed"] is True
    assert "api@1.0.2" not in versions(run)
    run(version="api@1.0.2", projects=["web"])
    assert run(check=True, version="api@1.0.2", projects=["web"])["changed"] is False


def test_all_pages_are_read(run):
    for number in range(3, 6):
        run(version=f"api@1.0.{number}", projects=["web"])
    assert {f"api@1.0.{number}" for number in range(3, 6)} <= set(versions(run))
    one = run(sentry_release_info, project="1", version="api@1.0.3")
    assert [each["version"] for each in one["releases"]] == ["api@1.0.3"]


def test_what_bugsink_does_not_know_is_left_out_with_a_warning(run):
    result = run(
        version="api@1.1.0",
        projects=["web"],
        state="deployed",
        deploy={"environment": "production"},
        commits=[{"id": "abc1234"}],
        release_url="https://x.example",
    )
    assert result["changed"] is True
    assert result["warnings"] == [
        "api@1.1.0: Bugsink does not know commits, deploys, a release's url; they are left out"
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"projects": ["none"]}, "v: projects: Bugsink has no project none; it has web"),
        ({"projects": ["99"]}, "v: Bugsink answers 400: project: Invalid pk"),
        ({"state": "archived"}, "v: state: Bugsink keeps releases; archived is for Sentry alone"),
        ({"state": "absent"}, "v: state: Bugsink keeps releases; absent is for Sentry alone"),
        ({"token": "f" * 40}, "token: Bugsink answers 401"),
    ],
    ids=str,
)
def test_faults_are_named(run, options, message):
    assert message in run(**{"version": "v", "projects": ["web"], **options})["msg"]


def test_a_question_without_a_project_is_refused(run):
    assert "project: missing" in run(sentry_release_info)["msg"]


def test_the_real_client_uploads_maps_to_bugsink(server, run, tmp_path):
    if not shutil.which("sentry-cli") or not isinstance(server, BugsinkServer):
        pytest.skip("needs sentry-cli and a real Bugsink")
    (tmp_path / "app.js").write_text("console.log(1);\n//# sourceMappingURL=app.js.map\n")
    maps = {
        "version": 3,
        "sources": ["a.ts"],
        "sourcesContent": ["x"],
        "names": [],
        "mappings": "AAAA",
    }
    (tmp_path / "app.js.map").write_text(json.dumps(maps))
    options = {"path": str(tmp_path), "projects": ["web"], "version": "api@1.0.0"}
    options["organization"] = "any"
    options |= dict.fromkeys(("retry_delay", "timeout", "backend"))
    result = run(sentry_sourcemaps, **options)
    assert (result["changed"], result["uploaded"]) == (True, True), result
