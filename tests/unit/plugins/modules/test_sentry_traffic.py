# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module's requests beside those of Sentry's own client: recorded ones, and live where the client is installed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.modules import (
    sentry_release,
    sentry_release_info,
    sentry_sourcemaps,
)
from sentry_host import Repository, call, client
from sentry_server import SentryServer

RECORDED = json.loads(
    (Path(__file__).parents[2] / "fixtures/sentry/requests.json").read_text(encoding="utf-8")
)
TIMES = ("dateStarted", "dateReleased", "dateFinished")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
# Looking for repositories, and making the release again before its commits are set, is what the client alone does.
V1 = {"version": "v1.0.0", "projects": ["web", "api"]}
PLUS = {"version": "pkg@1.0+b2", "projects": ["web"], "release_url": "https://x.example/"}


@pytest.fixture
def server():
    server = SentryServer(repositories=["acme/web"])
    yield server
    server.close()


@pytest.fixture
def run(server, capsys):
    return lambda module=sentry_release, **options: call(module, server, capsys, **options)


def plain(method, path, body):
    """A request without what differs from run to run."""
    if isinstance(body, dict):
        for key in TIMES:
            assert body.get(key) is None or TIME.fullmatch(body[key])
        body = {key: "time" if key in TIMES and value else value for key, value in body.items()}
    return method, path, body or None


def sent(server):
    requests = [plain(each["method"], each["path"], each["body"]) for each in server.requests]
    server.requests.clear()
    return requests


def recorded(case):
    return [
        plain(each["method"], each["path"], each["body"])
        for each in RECORDED
        if each["case"] == case
    ]


def status_of(case):
    return [each["response_status"] for each in RECORDED if each["case"] == case]


COMMITS = next(each["body"]["commits"] for each in RECORDED if "commits" in (each["body"] or {}))


@pytest.mark.parametrize(
    ("case", "options", "before"),
    [
        ("releases new -p web -p api v1.0.0", V1, None),
        (
            "releases new -p web pkg@1.0+b2 --url https://x.example/ --finalize",
            {**PLUS, "state": "finalized"},
            None,
        ),
        (
            "releases set-commits --commit acme/web@676f105516b904f86e97f4e640c1a34aa4fc3ea5..fde7efaafdfb24b3880a643e57b33e3448e34dc0 v1.0.0",
            {
                **V1,
                "refs": [
                    {
                        "repository": "acme/web",
                        "commit": "fde7efaafdfb24b3880a643e57b33e3448e34dc0",
                        "previous": "676f105516b904f86e97f4e640c1a34aa4fc3ea5",
                    }
                ],
            },
            V1,
        ),
        ("releases set-commits --auto pkg@1.0+b2", {**PLUS, "commits": COMMITS}, PLUS),
        ("releases finalize v1.0.0", {**V1, "state": "finalized"}, V1),
        (
            "deploys new -r v1.0.0 -e production -n deploy-42 -t 31",
            {
                **V1,
                "state": "deployed",
                "deploy": {"environment": "production", "name": "deploy-42", "started": 1000},
            },
            {**V1, "state": "finalized"},
        ),
        (
            "releases deploys v1.0.0 new -e production -n name",
            {**V1, "state": "deployed", "deploy": {"environment": "production", "name": "name"}},
            {**V1, "state": "finalized"},
        ),
        ("releases archive v1.0.0", {**V1, "state": "archived"}, V1),
        ("releases delete v1.0.0", {**V1, "state": "absent"}, V1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_request_that_changes_something_is_the_recorded_one(server, run, case, options, before):
    if before:
        run(**before)
        sent(server)
    assert run(**options)["changed"] is True
    writes = [each for each in sent(server) if each[0] != "GET"]
    theirs = [each for each in recorded(case) if each[0] != "GET"][:1]
    # A state begins with the release itself; the client is called for that beforehand.
    if theirs[0] not in writes[:1]:
        assert writes.pop(0)[:2] == ("POST", "/api/0/organizations/acme/releases/")
    assert writes == theirs


@pytest.mark.parametrize(
    ("case", "module", "options"),
    [
        ("releases info v1.0.0", sentry_release_info, {"version": "v1.0.0"}),
        ("releases list", sentry_release_info, {}),
        ("releases list -p web", sentry_release_info, {"project": "web"}),
    ],
)
def test_questions_are_the_recorded_ones(server, run, case, module, options):
    run(**V1)
    sent(server)
    assert [each["version"] for each in run(module, **options)["releases"]] == ["v1.0.0"]
    assert sent(server) == recorded(case)


def test_a_release_with_deploys_is_told_with_them(server, run):
    run(**V1, state="deployed", deploy={"environment": "production"})
    sent(server)
    found = run(sentry_release_info, version="v1.0.0")
    assert [each["environment"] for each in found["deploys"]] == ["production"]
    assert sent(server) == recorded("releases info v1.0.0") + recorded("deploys list -r v1.0.0")
    assert run(sentry_release_info, version="none")["releases"] == []


@pytest.mark.parametrize("case", ["releases new -p nope v9", "releases new -p web v5"])
def test_the_server_refuses_what_the_real_one_was_seen_to_refuse(server, run, case):
    version, projects = case.split()[-1], [case.split()[-2]]
    if status_of(case) == [401]:
        server.tokens.clear()
    said = json.dumps(run(version=version, projects=projects)["msg"])
    answer = next(each for each in RECORDED if each["case"] == case)
    assert str(answer["response_status"]) in said
    # {"projects": ["Invalid …"]} or {"detail": "Invalid …"}
    (fault,) = answer["response_body"].values()
    assert (fault if isinstance(fault, str) else fault[0]) in said
    assert sent(server) == recorded(case)


NEW = "releases new -p web pkg@1.0+b2 --url https://x.example/ --finalize"
INFO, ARCHIVE = "releases info v1.0.0", "releases archive v1.0.0"
REFS = [{"repository": "acme/web", "commit": "b" * 40, "previous": "a" * 40}]


@pytest.mark.parametrize(
    ("options", "before", "calls", "calls_again"),
    [
        ({}, None, [NEW], [NEW]),
        ({"state": "finalized"}, None, [NEW], [NEW]),
        ({"state": "finalized"}, {}, [NEW, "releases finalize v1.0.0"], [NEW]),
        (
            {"state": "deployed", "deploy": {"environment": "production", "name": "name"}},
            None,
            [NEW, "releases deploys v1.0.0 new -e production -n name"],
            [NEW, "deploys list -r v1.0.0"],
        ),
        (
            {"commits": COMMITS},
            {},
            [NEW, "releases set-commits --auto pkg@1.0+b2"],
            [NEW],
        ),
        ({"refs": REFS}, {}, [NEW, "releases set-commits --auto v1.0.0"], [NEW]),
        # The client archives without a look, so it can't say whether that changed anything, and makes what is not there.
        # What is archived already takes the look alone.
        ({"state": "archived"}, {}, [INFO, ARCHIVE], [ARCHIVE]),
        ({"state": "absent"}, {}, ["releases delete v1.0.0"], ["releases delete v1.0.0"]),
    ],
    ids=[
        "present",
        "finalized",
        "finalized-later",
        "deployed",
        "commits",
        "refs",
        "archived",
        "absent",
    ],
)
def test_no_state_takes_more_requests_than_were_recorded_for_the_same(
    server, run, options, before, calls, calls_again
):
    if before is not None:
        run(**V1, **before)
    for changed, wanted in ((True, calls), (False, calls_again)):
        sent(server)
        result = run(**V1, **options)
        assert result["changed"] is changed
        assert (
            result["requests"] == len(sent(server)) <= sum(len(recorded(case)) for case in wanted)
        )


# Live.

STATES = {
    "present": ({}, [["releases", "new", "V"]]),
    "finalized": ({"state": "finalized"}, [["releases", "new", "V", "--finalize"]]),
    "deployed": (
        {"state": "deployed", "deploy": {"environment": "production", "name": "n"}},
        [
            ["releases", "new", "V", "--finalize"],
            ["deploys", "new", "-r", "V", "-e", "production", "-n", "n"],
        ],
    ),
    # The client does not say whether archiving has changed anything, and makes a release that is not there.
    "archived": ({"state": "archived"}, [["releases", "info", "V"], ["releases", "archive", "V"]]),
    "absent": ({"state": "absent"}, [["releases", "delete", "V"]]),
}


@pytest.fixture
def cli(server):
    def run(*arguments, cwd=None):
        # An option of a group of commands is refused by others.
        project = ["-p", "web"] if "new" in arguments and arguments[0] == "releases" else []
        done = client(server, *arguments, *project, cwd=cwd)
        assert done.returncode == 0, done.stderr + "".join(server.errors)
        return done

    return run


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("state", STATES)
def test_no_more_requests_than_the_real_client_and_the_same_bodies(server, run, cli, state, again):
    options, commands = STATES[state]
    for version in ("theirs", "ours"):
        if state in ("archived", "absent") or again:
            cli("releases", "new", version)
        if again and state not in ("present", "absent"):
            run(version=version, projects=["web"], **options)
    sent(server)
    for command in commands:
        cli(*["theirs" if word == "V" else word for word in command])
    theirs = json.loads(json.dumps(sent(server)).replace("theirs", "ours"))
    run(version="ours", projects=["web"], **options)
    ours = json.loads(json.dumps(sent(server)))
    assert len(ours) <= len(theirs)
    for each in ours if not again else [each for each in ours if each[0] != "GET"]:
        assert each in theirs or (again and each[2]["version"] == "ours")


@pytest.mark.parametrize("before", [False, True], ids=["no release before", "a release before"])
def test_the_commits_of_a_checkout_are_those_of_the_real_client(server, run, cli, tmp_path, before):
    server.repositories.clear()
    repository = Repository(tmp_path / "checkout")
    repository.commit("one\n\nwith a body — and more", a="1", zone="-0300")
    if before:
        run(version="v0", projects=["web"], git={"path": str(repository.path)})
    repository.commit("two", a="2", b__txt="x", zone="+0530")
    repository.commit('three "quoted"', a=None, c="new", **{'ä "q"\\': "odd"})
    for version in ("theirs", "ours"):
        cli("releases", "new", version)
    sent(server)
    cli("releases", "set-commits", "--auto", "theirs", cwd=repository.path)
    theirs = sent(server)
    # Else it would be the release before.
    del server.releases["theirs"]
    run(version="ours", projects=["web"], git={"path": str(repository.path)})
    ours = sent(server)
    assert len(ours) <= len(theirs)
    mine, own = ours[-1][2]["commits"], theirs[-1][2]["commits"]
    assert mine == own
    assert len(mine) == (2 if before else 3)


def test_the_real_client_sends_the_same_refs(server, run, cli, tmp_path):
    shas = ["a" * 40, "b" * 40]
    for version in ("theirs", "ours"):
        cli("releases", "new", version)
    sent(server)
    cli("releases", "set-commits", "theirs", "--commit", f"acme/web@{shas[0]}..{shas[1]}")
    theirs = sent(server)
    refs = [{"repository": "acme/web", "commit": shas[1], "previous": shas[0]}]
    run(version="ours", projects=["web"], refs=refs)
    ours = sent(server)
    assert len(ours) <= len(theirs)
    assert ours[-1][2] == theirs[-1][2]


def test_the_real_client_uploads_maps_once(server, run, cli, tmp_path):
    (tmp_path / "app.js").write_text("console.log(1);\n//# sourceMappingURL=app.js.map\n")
    maps = {
        "version": 3,
        "sources": ["a.ts"],
        "sourcesContent": ["x"],
        "names": [],
        "mappings": "AAAA",
    }
    (tmp_path / "app.js.map").write_text(json.dumps(maps))
    cli("releases", "new", "v1")
    options = {"path": str(tmp_path), "projects": ["web"], "version": "v1", "wait_for": 20}
    options |= {"retry_delay": None, "timeout": None}  # no options of this module
    first, second = (run(sentry_sourcemaps, **options) for _time in range(2))
    assert {key: first[key] for key in ("changed", "injected", "uploaded", "files")} == {
        "changed": True,
        "injected": True,
        "uploaded": True,
        "files": 2,
    }
    assert (second["changed"], second["uploaded"]) == (False, False)
    assert {bundle["version"] for bundle in server.bundles} == {"v1"}
    server.tokens.clear()
    (tmp_path / "more.js").write_text("console.log(2);\n")
    assert "401" in run(sentry_sourcemaps, **options)["msg"]
