# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _tree_diff as subject
from ansible_collections.farol.vps.plugins.module_utils._tree_manifest import Manifest
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree
from ansible_collections.farol.vps.plugins.module_utils._tree_plan import make_plan

# Numbers without a name, so that the text is the same on every machine.
UID, GID = 54321, 54322
OWN = {"owner": str(UID), "group": str(GID)}


@pytest.fixture
def diff(tmp_path):
    def of(entry: dict | None = None, manifest: dict | None = None, absent=None) -> dict:
        tree = Tree([Entry(str(tmp_path / "a"), **OWN, **entry)] if entry else [], absent or {})
        plan = make_plan(tree, Manifest(manifest or {}), set())
        assert len(plan.changes) == 1
        found = subject.diff_of(plan.changes[0])
        return {key: text.replace(f"{tmp_path}/", "") for key, text in found.items()}

    return of


def put(path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(path, UID, GID)


def test_created(diff):
    assert diff({"kind": "file", "content": b"x\n"}) == {
        "before_header": "a (absent)",
        "after_header": f"a (file 0644 {UID}:{GID})",
        "before": "",
        "after": "x\n",
    }


def test_an_empty_file_shows_as_well(diff):
    assert diff({"kind": "file"})["after"] == f"file 0644 {UID}:{GID}\n"


def test_changed(diff, tmp_path):
    put(tmp_path / "a", b"old\n")
    found = diff({"kind": "file", "content": b"new\n", "mode": 0o600})
    assert (found["before"], found["after"]) == ("old\n", "new\n")
    assert found["after_header"] == f"a (file 0600 {UID}:{GID})"


@pytest.mark.skipif(os.geteuid() != 0, reason="changes owners")
def test_mode_and_owner(diff, tmp_path):
    put(tmp_path / "a", b"x")
    found = diff({"kind": "file", "content": b"x", "mode": 0o4750})
    assert found["before"] == f"file 0644 {UID}:{GID}\n"
    assert found["after"] == f"file 4750 {UID}:{GID}\n"
    os.chown(tmp_path / "a", 0, 0)
    assert diff({"kind": "file", "content": b"x"})["before"] == "file 0644 root:root\n"


def test_links(diff, tmp_path):
    assert diff({"kind": "link", "target": "y"})["after"] == "link to y\n"
    (tmp_path / "a").symlink_to("x")
    found = diff({"kind": "link", "target": "y"})
    assert (found["before"], found["after"]) == ("link to x\n", "link to y\n")
    found = diff({"kind": "file", "content": b"t\n"})
    assert (found["before_header"], found["after"]) == ("a (link to x)", "t\n")


def test_removed(diff, tmp_path):
    put(tmp_path / "a", b"old\n")
    found = diff(absent={str(tmp_path / "a"): False})
    assert (found["before"], found["after"], found["after_header"]) == ("old\n", "", "a (absent)")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff\xfe", "binary"), (b"a\0b", "binary"), (b"x" * 102_401, "longer than 100 KiB")],
)
def test_content_that_is_not_text(diff, content, reason):
    shown = diff({"kind": "file", "content": content})
    assert shown == {
        "prepared": f"--- before: a (absent)\n+++ after: a (file 0644 {UID}:{GID})\n"
        f"content not shown: {reason}\n\n"
    }


def test_secrets_never_show(diff, tmp_path):
    path = str(tmp_path / "a")
    secret = {"kind": "file", "content": b"new-hunter2", "secret": True}
    open_now = {**secret, "secret": False}
    assert "content not shown: secret" in diff(secret)["prepared"]
    put(tmp_path / "a", b"old-hunter2")
    shown = [
        diff(secret),
        diff(open_now, manifest={path: True}),
        diff(manifest={path: True}),
        diff(absent={path: True}),
    ]
    assert all("content not shown: secret" in found["prepared"] for found in shown)
    assert "hunter2" not in repr(shown)
