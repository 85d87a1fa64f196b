# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import subprocess

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.sentry_commits import sentry_commits
from ansible_collections.farol.vps.plugins.filter.sentry_version import sentry_version
from ansible_collections.farol.vps.plugins.module_utils._sentry import version_fault
from ansible_collections.farol.vps.plugins.module_utils._sentry_commits import LOG
from sentry_host import Repository

DIGEST = "sha256:" + "0a1b2c3d" * 8


@pytest.mark.parametrize(
    ("version", "package", "name", "back"),
    [
        ("1.4.2", "api", "api@1.4.2", "1.4.2"),
        ("1.4.2", "", "1.4.2", "1.4.2"),
        ("v1.4.2", "api", "api@1.4.2", "1.4.2"),
        ("vanilla", "api", "api@vanilla", "vanilla"),
        ("1.4.2-14-gabc1234", "api", "api@1.4.2+14.gabc1234", "1.4.2-14-gabc1234"),
        ("1.4.2-14-gabc1234-dirty", "", "1.4.2+14.gabc1234.dirty", "1.4.2-14-gabc1234-dirty"),
        ("1.4.2-rc.1-3-gabc1234", "a", "a@1.4.2-rc.1+3.gabc1234", "1.4.2-rc.1-3-gabc1234"),
        ("1.4.2+b7-3-gabc1234", "a", "a@1.4.2+b7.3.gabc1234", "1.4.2+b7-3-gabc1234"),
        ("1.4.2-dirty", "a", "a@1.4.2+dirty", "1.4.2-dirty"),
        ("abc1234", "a", "a@abc1234", "abc1234"),
        ("feature/login", "a", "a@feature~login", "feature/login"),
        (DIGEST, "api", f"api@{DIGEST}", DIGEST),
        (DIGEST, "", DIGEST, DIGEST),
        (f"ghcr.io/acme/api@{DIGEST}", "", f"api@{DIGEST}", DIGEST),
        (f"ghcr.io/acme/api:1.4@{DIGEST}", "", f"api@{DIGEST}", DIGEST),
        ("ghcr.io:5000/acme/api:1.4.2", "", "api@1.4.2", "1.4.2"),
        ("api:1.4.2", "shop", "shop@1.4.2", "1.4.2"),
        (2, "a", "a@2", "2"),
    ],
)
def test_versions_and_the_names_of_releases(version, package, name, back):
    assert sentry_version(version, package) == name
    assert version_fault(name) == ""
    assert sentry_version(name, reverse=True) == back


def test_the_v_can_be_kept():
    assert sentry_version("v1.4.2", "api", keep_v=True) == "api@v1.4.2"


def test_what_is_too_long_is_cut_and_stays_different():
    one, two = (sentry_version("x" * 250 + end, "api") for end in "ab")
    assert len(one) == len(two) == 200 and one != two
    assert version_fault(one) == ""


@pytest.mark.parametrize("version", ["", "  ", ".", "..", "latest", "a\nb", "a\\b", "a\tb"])
def test_what_sentry_refuses_is_refused(version):
    with pytest.raises(AnsibleFilterError, match="the name of a release"):
        sentry_version(version)


def test_a_tag_named_latest_is_fine_with_a_package():
    assert sentry_version("latest", "api") == "api@latest"


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "checkout")


def log(repository, *arguments):
    return subprocess.run(
        ["git", "-C", str(repository.path), *LOG, *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_a_log_becomes_commits(repository):
    first = repository.commit("one\n\nMore\twith\ttabs\nA\tb", a="1", zone="-0300")
    second = repository.commit("two", a=None, b="2", **{'ä "q"\\\x01': "x"})
    assert sentry_commits(log(repository), "acme/api") == [
        {
            "id": second,
            "repository": "acme/api",
            "message": "two\n",
            "author_name": "Ana",
            "author_email": "ana@example.com",
            "timestamp": "2026-11-02T10:00:00Z",
            "patch_set": [
                {"path": "a", "type": "D"},
                {"path": "b", "type": "A"},
                {"path": 'ä "q"\\\x01', "type": "A"},
            ],
        },
        {
            "id": first,
            "repository": "acme/api",
            "message": "one\n\nMore\twith\ttabs\nA\tb\n",
            "author_name": "Ana",
            "author_email": "ana@example.com",
            "timestamp": "2026-11-01T10:00:00-03:00",
            "patch_set": [{"path": "a", "type": "A"}],
        },
    ]


def test_a_rename_a_merge_and_a_commit_without_files(repository):
    repository.commit("one", a="1" * 100)
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit("side", side="1")
    repository.git("checkout", "--quiet", "main")
    repository.commit("renamed", a=None, b="1" * 100)
    repository.git("merge", "--quiet", "--no-ff", "-m", "merged", "side")
    repository.git("commit", "--quiet", "--allow-empty", "-m", "empty")
    changes = {each["message"]: each["patch_set"] for each in sentry_commits(log(repository))}
    assert changes["merged\n"] == [{"path": "side", "type": "A"}]
    assert changes["renamed\n"] == [{"path": "a", "type": "D"}, {"path": "b", "type": "A"}]
    assert changes["empty\n"] == []


def test_no_text_is_no_commits():
    assert sentry_commits("") == []


@pytest.mark.parametrize(
    "text",
    [
        "commit 676f105\nAuthor: A",
        "\x1eabc1234\x1fA\x1fa@b",
        "\x1enot a sha\x1f\x1f\x1f\x1f\x1f",
        "\x1eabc1234\x1f\x1f\x1f\x1f\x1fR100\ta\tb",
    ],
)
def test_another_format_is_refused(text):
    with pytest.raises(AnsibleFilterError, match="sentry_commits: this is no "):
        sentry_commits(text)
