# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module against a server that behaves like Sentry."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import time

import pytest
from ansible_collections.farol.vps.plugins.modules import sentry_release
from sentry_host import Repository, call
from sentry_server import TOKEN, SentryServer

CREATE = "POST /releases/"
PUT = "PUT /releases/v1/"
DEPLOYS = "/releases/v1/deploys/"
SHA = "676f105516b904f86e97f4e640c1a34aa4fc3ea5"
COMMIT = {"id": SHA, "message": "One\n", "author_name": "Ana", "author_email": "a@example.com"}
PRODUCTION = {"environment": "production"}


@pytest.fixture
def server():
    server = SentryServer()
    yield server
    server.close()


@pytest.fixture
def run(server, capsys):
    def run(**options):
        given = {"version": "v1", "projects": ["web"], **options}
        if "releases" in options:
            del given["version"]
        return call(sentry_release, server, capsys, **given)

    return run


def did(result):
    return result["releases"][0]["did"]


# The states.


def test_a_release_is_created_once(server, run):
    first, second = run(projects=["web", "api"]), run(projects=["web", "api"])
    assert (first["changed"], did(first)) == (True, ["create"])
    assert (second["changed"], second["requests"]) == (False, 1)
    assert server.asked == [CREATE, CREATE]
    assert server.releases["v1"]["projects"] == ["web", "api"]
    assert first["diff"]["after"]["v1"]["projects"] == ["api", "web"]


def test_a_project_is_added_to_a_release_that_is_there(server, run):
    run()
    assert run(projects=["web", "api"])["changed"] is True
    assert server.releases["v1"]["projects"] == ["web", "api"]


def test_a_release_is_finalized_at_once_or_later(server, run):
    assert did(run(state="finalized")) == ["create", "finalize"]
    assert server.asked == [CREATE]
    assert run(state="finalized")["changed"] is False
    run(version="v2")
    assert did(run(version="v2", state="finalized")) == ["finalize"]
    assert server.asked[-2:] == [CREATE, "PUT /releases/v2/"]


def test_its_address_is_set_and_changed(server, run):
    run(release_url="https://x.example/1")
    assert run(release_url="https://x.example/1")["changed"] is False
    assert did(run(release_url="https://x.example/2")) == ["set url"]
    assert server.releases["v1"]["url"] == "https://x.example/2"


def test_a_deploy_is_registered_once(server, run):
    assert did(run(state="deployed", deploy=PRODUCTION)) == ["create", "finalize", "deploy"]
    assert server.asked == [CREATE, f"POST {DEPLOYS}"]
    again = run(state="deployed", deploy=PRODUCTION)
    assert (again["changed"], again["releases"][0]["deploy"]["environment"]) == (
        False,
        "production",
    )
    assert server.asked[2:] == [CREATE]
    assert len(server.releases["v1"]["deploys"]) == 1


def test_deploys_to_other_places_are_others_and_are_looked_up(server, run):
    for environment in ("staging", "production", "staging", "production"):
        run(state="deployed", deploy={"environment": environment})
    assert [d["environment"] for d in server.releases["v1"]["deploys"]] == ["staging", "production"]
    assert f"GET {DEPLOYS}" in server.asked


def test_a_version_that_returns_is_deployed_again(server, run):
    run(state="deployed", deploy=PRODUCTION)
    since = time.time()
    again = run(state="deployed", deploy={**PRODUCTION, "since": since})
    assert did(again) == ["deploy"]
    assert run(state="deployed", deploy={**PRODUCTION, "since": since})["changed"] is False
    assert len(server.releases["v1"]["deploys"]) == 2


def test_the_deploy_carries_what_is_said_of_it(server, run):
    run(
        state="deployed",
        deploy={
            "environment": "production",
            "name": "d1",
            "url": "https://x.example",
            "started": 1000,
            "finished": 1031.5,
        },
    )
    assert server.requests[-1]["body"] == {
        "environment": "production",
        "name": "d1",
        "url": "https://x.example",
        "dateStarted": "1970-01-01T00:16:40.000000Z",
        "dateFinished": "1970-01-01T00:17:11.500000Z",
    }


def test_a_release_is_archived_and_taken_back(server, run):
    run()
    assert did(run(state="archived")) == ["archive"]
    assert server.asked[1:] == ["GET /releases/v1/", CREATE]
    assert run(state="archived")["changed"] is False
    assert did(run()) == ["restore"]
    assert server.releases["v1"]["status"] == "open"


def test_what_is_not_there_is_not_archived(server, run):
    result = run(state="archived")
    assert "v1: there is no such release to archive" in result["msg"]
    assert server.releases == {}


def test_a_release_is_removed(server, run):
    run()
    assert did(run(state="absent")) == ["remove"]
    assert run(state="absent")["changed"] is False
    assert server.asked[1:] == ["DELETE /releases/v1/"] * 2


def test_several_releases_take_what_they_lack_from_the_task(server, run):
    result = run(
        state="finalized",
        releases=[{"version": "a"}, {"version": "b", "projects": ["api"], "state": "present"}],
    )
    assert [each["did"] for each in result["releases"]] == [["create", "finalize"], ["create"]]
    assert server.releases["b"]["projects"] == ["api"]


def test_one_that_fails_does_not_stop_the_others(server, run):
    result = run(releases=[{"version": "a", "projects": ["nope"]}, {"version": "b"}])
    assert result["msg"] == "a: Sentry answers 400: projects: Invalid project ids or slugs"
    assert (result["changed"], result["releases"][1]["did"]) == (True, ["create"])


def test_what_all_would_meet_is_met_once(server, run):
    server.tokens.clear()
    result = run(releases=[{"version": "a"}, {"version": "b"}])
    assert "token: Sentry answers 401: Invalid token" in result["msg"]
    assert "b: left out after that" in result["msg"]
    assert len(server.asked) == 1


# Check mode.


@pytest.mark.parametrize(
    "options",
    [
        {"projects": ["web", "api"]},
        {"state": "finalized"},
        {"state": "deployed", "deploy": PRODUCTION, "commits": [COMMIT]},
        {"state": "absent"},
        {"state": "archived"},
        {"release_url": "https://x.example/3"},
    ],
    ids=str,
)
@pytest.mark.parametrize("there", [True, False])
def test_check_mode_predicts_and_changes_nothing(server, run, options, there):
    if there:
        run()
    elif options.get("state") == "archived":
        return
    before, asked = json.dumps(server.releases), len(server.asked)
    predicted = run(check=True, **options)
    assert json.dumps(server.releases) == before
    assert all(each.startswith("GET") for each in server.asked[asked:])
    done = run(**options)
    assert predicted["changed"] == done["changed"]
    assert predicted["diff"]["after"] == done["diff"]["after"]
    assert did(predicted) == [
        "add projects" if there and each == "create" else each for each in did(done)
    ]
    assert run(check=True, **options)["changed"] is False


# Commits.


def test_commits_are_set_once_and_before_it_is_finalized(server, run):
    assert did(run(state="finalized", commits=[COMMIT])) == ["create", "set commits", "finalize"]
    assert server.asked == [CREATE, PUT, PUT]
    assert run(state="finalized", commits=[COMMIT])["changed"] is False
    other = {**COMMIT, "id": "f" * 40}
    assert did(run(commits=[other, COMMIT])) == ["set commits"]


def test_refs_are_set_once(server, run):
    server.repositories.append("acme/web")
    refs = [{"repository": "acme/web", "commit": SHA, "previous": "f" * 40}]
    assert did(run(refs=refs)) == ["create", "set commits"]
    assert run(refs=refs)["changed"] is False
    assert server.requests[1]["body"] == {
        "refs": [{"repository": "acme/web", "commit": SHA, "previousCommit": "f" * 40}]
    }


def test_a_repository_that_sentry_does_not_know_is_named(run):
    result = run(refs=[{"repository": "acme/none", "commit": SHA}])
    assert "v1: Sentry answers 400: refs: Invalid repository names: acme/none" in result["msg"]


def test_commits_that_are_being_worked_on_are_not_pressed(server, run):
    server.processing = True
    result = run(commits=[COMMIT])
    assert "409: Release commits are currently being processed; run again" in result["msg"]
    assert server.asked == [CREATE, PUT]
    server.processing = False
    assert did(run(commits=[COMMIT])) == ["set commits"]


@pytest.fixture
def repository(tmp_path):
    repository = Repository(tmp_path / "checkout")
    repository.commit("one", a="1")
    repository.git("tag", "v1.0")
    repository.commit("two", a=None, b="1")
    return repository


def test_the_history_since_the_release_before_comes_from_a_checkout(server, run, repository):
    git = {"path": str(repository.path)}
    assert did(run(version="1.0", git={**git, "version": "1.0"})) == ["create", "set commits"]
    assert [c["message"] for c in server.releases["1.0"]["commits"]] == ["one\n"]
    run(version="1.1", git=git)
    commits = server.releases["1.1"]["commits"]
    assert [c["message"] for c in commits] == ["two\n"]
    assert commits[0]["patch_set"] == [{"path": "a", "type": "D"}, {"path": "b", "type": "A"}]
    assert commits[0]["timestamp"] == "2026-11-02T10:00:00Z"
    asked = len(server.asked)
    assert run(version="1.1", git=git)["changed"] is False
    assert server.asked[asked:] == [CREATE]


def test_a_release_before_can_be_named_and_sent_by_reference(server, run, repository):
    server.repositories.append("acme/web")
    git = {
        "path": str(repository.path),
        "previous": "api@1.0",
        "send": "refs",
        "repository": "acme/web",
    }
    run(git=git)
    assert server.asked == [CREATE, PUT]
    assert server.requests[1]["body"]["refs"] == [
        {
            "repository": "acme/web",
            "commit": repository.git("rev-parse", "HEAD"),
            "previousCommit": repository.git("rev-parse", "v1.0"),
        }
    ]


@pytest.mark.parametrize("named", [True, False])
def test_a_checkout_without_the_release_before_is_said(server, run, repository, named):
    git = {"path": str(repository.path)}
    if named:
        git["previous"] = "f" * 40
    else:
        run(version="v0", commits=[{"id": "f" * 40}])
    result = run(git=git)
    assert "git.previous" in result["msg"] and "git fetch --unshallow" in result["msg"]
    run(git={**git, "ignore_missing": True, "depth": 1})
    assert [c["message"] for c in server.releases["v1"]["commits"]] == ["two\n"]


@pytest.mark.parametrize(
    ("git", "message"),
    [
        ({"version": "nope"}, "has no commit 'nope'"),
        ({"path": "/"}, "git.path: /: fatal: not a git"),
    ],
    ids=["version", "path"],
)
def test_a_checkout_that_does_not_fit_is_refused_before_anything_is_made(
    server, run, repository, git, message
):
    assert message in run(git={"path": str(repository.path), **git})["msg"]
    assert server.asked == []


def test_a_version_that_the_checkout_lacks_may_be_registered_without_commits(
    server, run, repository
):
    git = {"path": str(repository.path), "version": "2.0", "ignore_missing": True}
    result = run(git=git)
    assert did(result) == ["create"]
    assert "has no commit '2.0'; fetch it there" in result["warnings"][0]
    assert result["warnings"][0].endswith("it gets no commits")
    repository.git("tag", "v2.0")
    assert did(run(git=git)) == ["set commits"]


# Faults.


@pytest.mark.parametrize("status", [502, 503, 504, 507, 524])
def test_what_may_be_repeated_is(server, run, status):
    server.fault("POST", "/releases/", status, status)
    result = run()
    assert (did(result), result["requests"]) == (["create"], 3)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500])
def test_what_may_not_be_repeated_is_not(server, run, status):
    server.fault("POST", "/releases/", status)
    assert f"Sentry answers {status}: Internal Error" in run()["msg"]
    assert server.asked == [CREATE]


def test_it_gives_up(server, run):
    server.fault("POST", "/releases/", *[503] * 9)
    result = run(retries=2)
    assert "answers 503 Internal Error, after 3 tries; run again when it answers" in result["msg"]
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", ["cut", "lost", "half"])
def test_a_connection_that_dies_is_made_again(server, run, fault):
    server.fault("POST", "/releases/", fault)
    result = run()
    assert (result["changed"], did(result)) == (True, ["create"])
    assert server.asked == [CREATE, CREATE]


def test_a_removal_whose_answer_was_lost_has_changed_something(server, run):
    run()
    server.fault("DELETE", "/releases/v1/", "lost")
    assert run(state="absent")["changed"] is True


@pytest.mark.parametrize("fault", ["lost", "half", "cut", 502, 503, "1"])
def test_a_deploy_is_never_registered_twice(server, run, fault):
    run()
    server.fault("POST", DEPLOYS, fault)
    result = run(state="deployed", deploy=PRODUCTION, timeout=0.4)
    assert did(result) == ["finalize", "deploy"]
    assert len(server.releases["v1"]["deploys"]) == 1
    assert f"GET {DEPLOYS}" in server.asked
    assert result["releases"][0]["deploy"]["environment"] == "production"


def test_a_deploy_gives_up_too(server, run):
    server.fault("POST", DEPLOYS, *[503] * 9)
    result = run(state="deployed", deploy=PRODUCTION, retries=2)
    assert "v1: deploy: answers 503 Internal Error, after 3 tries" in result["msg"]
    assert server.asked.count(f"POST {DEPLOYS}") == 3
    server.faults.clear()
    assert did(run(state="deployed", deploy=PRODUCTION)) == ["deploy"]


def test_a_rate_limit_is_waited_for_as_long_as_it_asks(server, run):
    server.fault("POST", "/releases/", 429, headers={"Retry-After": "1"})
    start = time.monotonic()
    assert did(run()) == ["create"]
    assert time.monotonic() - start >= 1
    assert server.asked == [CREATE, CREATE]


def test_a_rate_limit_that_asks_for_too_much_is_said(server, run):
    server.fault("POST", "/releases/", 429, headers={"Retry-After": "3600"})
    result = run()
    assert "answers 429, too many requests, and asks to wait 3600 s" in result["msg"]
    assert server.asked == [CREATE]


def test_a_slow_server_is_left_and_asked_again(server, run):
    server.fault("POST", "/releases/", "1.5")
    assert did(run(timeout=0.4)) == ["create"]


def test_a_page_is_no_answer(server, run):
    server.fault("POST", "/releases/", "html")
    assert (
        "answers 200 with text/html in place of JSON; is that the address of Sentry?"
        in run()["msg"]
    )


def test_a_redirect_is_not_followed(server, run):
    server.fault("POST", "/releases/", 302, headers={"Location": "https://elsewhere.example/"})
    assert "is redirected to https://elsewhere.example/; set url" in run()["msg"]


def test_nobody_there(server, run):
    server.close()
    result = run(retries=1)
    assert "can't be reached" in result["msg"] and "after 2 tries" in result["msg"]


def test_a_half_made_release_is_completed_by_the_next_run(server, run):
    wanted = {"state": "deployed", "deploy": PRODUCTION, "commits": [COMMIT]}
    for method, path in (("PUT", "/releases/v1/"), ("POST", DEPLOYS)):
        server.fault(method, path, 500)
        assert "500" in run(**wanted)["msg"]
    assert run(**wanted)["changed"] is True
    release = server.releases["v1"]
    assert (len(release["commits"]), len(release["deploys"]), bool(release["released"])) == (
        1,
        1,
        True,
    )
    assert run(**wanted)["changed"] is False


# What is refused before anybody is asked.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": "a/b"}, "version: 'a/b' holds '/', which Sentry refuses"),
        ({"version": " "}, "version: ' ' is empty"),
        ({"version": "latest"}, "version: 'latest' can't be 'latest'"),
        ({"version": "x" * 201}, "has 201 characters; Sentry takes 200"),
        ({"projects": []}, "projects: missing; name one at least"),
        ({"commits": [{"id": "a" * 65}]}, "commits[0].id: has 65 characters; Sentry takes 64"),
        ({"commits": [{"id": "a", "mesage": "x"}]}, "commits[0].mesage: unknown; a commit has id,"),
        ({"commits": [{"message": "x"}]}, "commits[0].id: missing"),
        ({"state": "deployed"}, "deploy.environment: missing"),
        ({"state": "deployed", "deploy": {"environment": "a/b"}}, "leave out slashes"),
        ({"url": "sentry.example"}, "url: 'sentry.example' is no address; begin with https://"),
        ({"organization": None}, "organization: missing"),
        ({"organization": "a/b"}, "organization: 'a/b' is no slug"),
        ({"token": "a b"}, "token: holds blanks"),
        ({"commits": [COMMIT], "git": {"path": "/"}}, "they exclude each other"),
    ],
    ids=str,
)
def test_bad_options_are_named(server, run, options, message):
    assert message in run(**options)["msg"]
    assert server.asked == []


def test_what_the_server_refuses_is_named_with_its_field(server, run):
    server.organization = "other"
    assert "organization: Sentry answers 404: The requested resource does not exist" in run()["msg"]


# Tokens.


def own_token(server, **payload):
    text = base64.b64encode(json.dumps({"iat": 1, **payload}).encode()).decode()
    token = f"sntrys_{text}_secret"
    server.tokens.add(token)
    return token


def test_a_token_of_an_organization_wins_with_a_warning(server, run):
    token = own_token(server, url=server.url, org="acme", region_url="https://de.sentry.io")
    result = run(token=token, url="https://other.example", organization="other")
    assert result["changed"] is True
    assert result["warnings"] == [
        f"url: the token is for {server.url}, which is used in place of https://other.example",
        "organization: the token is for acme, which is used in place of other",
    ]
    alone = run(token=token, url=None, organization=None)
    assert (alone["changed"], alone["warnings"]) == (False, [])


def test_a_token_that_tells_nothing_is_just_a_token(server, run):
    server.tokens.add("sntrys_good")
    assert run(token="sntrys_good")["changed"] is True
    assert server.requests[0]["headers"]["Authorization"] == "Bearer sntrys_good"
    assert server.requests[0]["headers"]["Content-Type"] == "application/json"
    assert TOKEN not in str(server.requests[0]["headers"])


def test_a_proxy_is_used(server, run, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    assert run(url="http://sentry.example.invalid")["changed"] is True
    assert server.requests[0]["path"].startswith("http://sentry.example.invalid/api/0/")


@pytest.fixture
def authority(tmp_path, server):
    """The certificate of a private authority, under which the server goes on."""
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        + ["-days", "2", "-subj", "/CN=sentry.lan", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return certificate


def test_a_private_authority_is_trusted_where_it_is_named(server, run, authority):
    url = server.url.replace("http:", "https:")
    refused = run(url=url)["msg"]
    assert "its certificate is not trusted" in refused and "set ca_path" in refused
    assert server.asked == []
    assert run(url=url, ca_path=str(authority))["changed"] is True
