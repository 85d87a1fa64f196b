# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree's core against real directories."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _tree_lock
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Run, run

ME, MINE = str(os.geteuid()), str(os.getegid())
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes owners")


def execute(command: str) -> tuple[int, str, str]:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Host:
    """A pretended root file system, and short words for what is wanted of it."""

    def __init__(self, base: Path):
        self.root = base / "root"
        self.root.mkdir()
        self.state = base / "state"

    def file(self, path: str, content: bytes = b"new\n", **fields) -> Entry:
        return self._entry(path, "file", content=content, **fields)

    def link(self, path: str, target: str) -> Entry:
        return self._entry(path, "link", target=target)

    def directory(self, path: str, **fields) -> Entry:
        return self._entry(path, "directory", **{"mode": 0o755, **fields})

    def _entry(self, path: str, kind: str, **fields) -> Entry:
        return Entry(str(self.root / path), kind, **{"owner": ME, "group": MINE, **fields})

    def run(self, *entries: Entry, absent=(), **options) -> dict:
        tree = Tree(list(entries), {str(self.root / path): False for path in absent})
        return run(Run("demo", tree, str(self.state), execute, **options))

    def snapshot(self) -> dict:
        """Everything below the root, inodes included: equal means untouched or put back."""
        return {
            str(path.relative_to(self.root)): (
                path.lstat().st_ino,
                path.lstat().st_mode,
                path.lstat().st_uid,
                path.lstat().st_gid,
                os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes(),
            )
            for path in self.root.rglob("*")
        }

    def leftovers(self) -> list[Path]:
        return [path for path in self.root.parent.rglob("*") if ".farol-" in path.name]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def states(result: dict) -> dict:
    return {os.path.basename(found["path"]): found["state"] for found in result["files"]}


def test_writes_files_links_and_missing_parents(host):
    result = host.run(
        host.directory("etc", mode=0o750),
        host.file("etc/a", b"a\n", mode=0o600),
        host.link("etc/b", "a"),
    )
    assert result["changed"]
    assert states(result) == {"etc": "created", "a": "created", "b": "created"}
    assert (host.root / "etc").stat().st_mode & 0o777 == 0o750
    assert (host.root / "etc/a").stat().st_mode & 0o777 == 0o600
    assert (host.root / "etc/b").read_text() == "a\n"
    assert not host.leftovers()


def test_second_run_writes_nothing(host):
    wanted = [host.directory("etc", explicit=True), host.file("etc/a"), host.link("etc/b", "a")]
    host.run(*wanted)
    before, manifest = host.snapshot(), (host.state / "demo.json").stat()
    assert host.run(*wanted, validate=["false"]) == {"changed": False, "files": [], "applied": []}
    assert host.snapshot() == before
    assert (host.state / "demo.json").stat().st_mtime_ns == manifest.st_mtime_ns


def test_any_bytes_and_more_than_a_pipe_holds(host):
    content = bytes(range(256)) * 4096
    host.run(host.file("blob", content))
    assert (host.root / "blob").read_bytes() == content


def test_adopting_identical_files_is_no_change(host):
    (host.root / "a").write_bytes(b"new\n")
    (host.root / "a").chmod(0o644)
    assert not host.run(host.file("a"))["changed"]
    assert str(host.root / "a") in json.loads((host.state / "demo.json").read_text())["files"]


def test_only_what_differs_is_written(host):
    host.run(host.file("a"), host.file("b"))
    inode = (host.root / "b").stat().st_ino
    result = host.run(host.file("a", b"other\n"), host.file("b"))
    assert states(result) == {"a": "changed"}
    assert (host.root / "b").stat().st_ino == inode


def test_mode_alone_changes_in_place(host):
    host.run(host.file("a"))
    inode = (host.root / "a").stat().st_ino
    assert states(host.run(host.file("a", mode=0o640))) == {"a": "changed"}
    assert (host.root / "a").stat().st_mode & 0o777 == 0o640
    assert (host.root / "a").stat().st_ino == inode


@needs_root
def test_owner_and_group(host):
    host.run(host.file("a", owner="12345", group="root"))
    found = (host.root / "a").stat()
    assert (found.st_uid, found.st_gid) == (12345, 0)
    assert states(host.run(host.file("a", owner="root", group="54321"))) == {"a": "changed"}
    found = (host.root / "a").stat()
    assert (found.st_uid, found.st_gid) == (0, 54321)


def test_unknown_owner_fails_before_anything_is_written(host):
    with pytest.raises(TreeError, match="a: no user 'nobody-here' on this host. Create it first"):
        host.run(host.file("0"), host.file("a", owner="nobody-here"))
    assert not host.snapshot()


def test_unknown_owner_is_predicted_on_a_fresh_host(host):
    wanted = host.file("a", owner="nobody-here", group="none-here")
    result = host.run(wanted, check=True, diff=True)
    assert states(result) == {"a": "created"}
    assert "nobody-here:none-here" in result["diff"][0]["after_header"]
    assert not host.snapshot()
    assert not host.state.exists()


def test_removes_what_it_wrote_and_the_directories_it_made(host):
    (host.root / "theirs").mkdir()
    deep = [host.directory("theirs"), host.directory("theirs/d"), host.directory("theirs/d/e")]
    host.run(*deep, host.file("theirs/d/e/a"), host.link("theirs/b", "x"), host.file("keep"))
    result = host.run(host.file("keep"))
    assert states(result) == {"a": "removed", "b": "removed", "e": "removed", "d": "removed"}
    assert sorted(host.snapshot()) == ["keep", "theirs"]
    assert not host.run(host.file("keep"))["changed"]


def test_a_directory_with_foreign_files_stays_until_it_is_empty(host):
    host.run(host.directory("d"), host.file("d/a"))
    (host.root / "d/foreign").write_text("x")
    assert states(host.run()) == {"a": "removed"}
    (host.root / "d/foreign").unlink()
    assert states(host.run()) == {"d": "removed"}
    assert not host.run()["changed"]


def test_absent_removes_foreign_files_and_links_only(host):
    (host.root / "a").write_text("x")
    (host.root / "b").symlink_to("/etc/passwd")
    assert states(host.run(absent=["a", "b", "c"])) == {"a": "removed", "b": "removed"}
    assert Path("/etc/passwd").exists()
    (host.root / "d").mkdir()
    with pytest.raises(TreeError, match="d is a directory: `absent` removes files only"):
        host.run(absent=["d"])


def test_a_written_file_that_became_a_directory_is_left_alone(host):
    host.run(host.file("a"))
    (host.root / "a").unlink()
    (host.root / "a").mkdir()
    assert not host.run()["changed"]
    assert (host.root / "a").is_dir()


def test_a_file_that_moved_to_another_tree_is_not_removed(host):
    host.run(host.file("a"), host.file("b"))
    moved = Tree([host.file("a")])
    run(Run("other", moved, str(host.state), execute))
    assert states(host.run(host.file("b"))) == {}
    assert (host.root / "a").exists()


def test_file_and_link_replace_each_other_without_following(host):
    (host.root / "outside").write_text("untouched")
    host.run(host.link("a", "outside"))
    host.run(host.file("a", b"mine\n"))
    assert not (host.root / "a").is_symlink()
    assert (host.root / "outside").read_text() == "untouched"
    assert states(host.run(host.link("a", "outside"))) == {"a": "changed"}
    assert os.readlink(host.root / "a") == "outside"


def test_a_file_becomes_a_directory(host):
    host.run(host.file("a"))
    result = host.run(host.directory("a"), host.file("a/b"))
    assert [found["state"] for found in result["files"]] == ["removed", "created", "created"]
    assert (host.root / "a/b").read_text() == "new\n"


def test_directory_where_a_file_should_be(host):
    (host.root / "a").mkdir()
    with pytest.raises(TreeError, match="a is a directory, but has to be a file here. Remove it"):
        host.run(host.file("0"), host.file("a"))
    assert sorted(host.snapshot()) == ["a"]


def test_file_where_a_directory_should_be(host):
    (host.root / "a").write_text("x")
    with pytest.raises(TreeError, match="a is a file, but has to be a directory here"):
        host.run(host.directory("a"), host.file("a/b"))


def test_directories_of_others_keep_their_attributes(host):
    (host.root / "theirs").mkdir(mode=0o700)
    assert not host.run(host.directory("theirs"))["changed"]
    assert states(host.run(host.directory("theirs", explicit=True))) == {"theirs": "changed"}
    assert (host.root / "theirs").stat().st_mode & 0o777 == 0o755


def test_own_directories_follow_a_changed_mode(host):
    host.run(host.directory("own"))
    assert states(host.run(host.directory("own", mode=0o700))) == {"own": "changed"}


def test_a_link_to_a_directory_serves_as_one(host):
    (host.root / "real").mkdir()
    (host.root / "d").symlink_to("real")
    host.run(host.directory("d"), host.file("d/a"))
    assert (host.root / "real/a").exists()
    assert (host.root / "d").is_symlink()


@needs_root
def test_a_link_of_another_user_is_not_written_through(host):
    (host.root / "real").mkdir()
    (host.root / "d").symlink_to("real")
    os.chown(host.root / "d", 12345, 12345, follow_symlinks=False)
    with pytest.raises(TreeError, match="d is a link owned by uid 12345"):
        host.run(host.directory("d"), host.file("d/a"))
    assert not list((host.root / "real").iterdir())


def test_validate_sees_the_new_files(host):
    host.run(host.file("a"), validate=[f"grep -q new {host.root}/a", f"test -f {host.root}/a"])
    assert (host.root / "a").exists()


def test_failed_validation_puts_everything_back(host):
    old = [host.directory("own"), host.file("own/gone"), host.file("text"), host.file("mode")]
    host.run(*old, host.link("link", "text"))
    (host.root / "foreign").write_text("x")
    before, manifest = host.snapshot(), (host.state / "demo.json").read_bytes()
    with pytest.raises(TreeError) as failure:
        host.run(
            host.file("text", b"bad\n"),
            host.file("mode", mode=0o600),
            host.link("link", "mode"),
            host.directory("made"),
            host.file("made/extra"),
            absent=["foreign"],
            validate=["true", "sh -c 'echo broken line 3 >&2; exit 7'"],
        )
    message = str(failure.value)
    assert "failed with code 7: broken line 3\nCorrect the templates" in message
    assert message.endswith("Every file is as it was before.")
    assert failure.value.details["rc"] == 7
    assert failure.value.details["stderr"] == "broken line 3\n"
    assert host.snapshot() == before
    assert (host.state / "demo.json").read_bytes() == manifest
    assert not host.leftovers()


def test_a_missing_validator_puts_everything_back(host):
    with pytest.raises(TreeError, match="cannot run 'no-such-command -t': No such file"):
        host.run(host.file("a"), validate=["no-such-command -t"])
    assert not host.snapshot()


def test_a_silent_validator(host):
    with pytest.raises(TreeError, match="'false' failed with code 1: it printed nothing"):
        host.run(host.file("a"), validate=["false"])


def test_what_cannot_be_put_back_is_named_and_tried_again(host):
    host.run(host.file("a", b"old\n"))
    blocker = f"sh -c 'rm {host.root}/a; mkdir -p {host.root}/a/b; exit 1'"
    with pytest.raises(TreeError, match="Could not be put back: .*/a .*next run .* tries again"):
        host.run(host.file("a", b"bad\n"), validate=[blocker])
    (host.root / "a/b").rmdir()
    (host.root / "a").rmdir()
    result = host.run(host.file("a", b"old\n"))
    assert result["changed"]
    assert result["warnings"] == ["An interrupted run of demo was undone first."]
    assert (host.root / "a").read_bytes() == b"old\n"
    assert not host.leftovers()


def test_what_a_validator_leaves_or_takes_does_not_block_the_next_run(host):
    host.run(host.file("a"))
    meddle = f"sh -c 'touch {host.root}/d/log; rm {host.root}/a; exit 1'"
    changed = [host.file("a", mode=0o600), host.directory("d"), host.file("d/x")]
    with pytest.raises(TreeError, match="Every file is as it was before"):
        host.run(*changed, validate=[meddle])
    assert sorted(host.snapshot()) == ["d", "d/log"]
    assert states(host.run(*changed)) == {"a": "created", "x": "created"}


def test_an_undoable_interruption_is_an_error(host):
    host.run(host.file("a", b"old\n"))
    with pytest.raises(TreeError):
        host.run(
            host.file("a", b"bad\n"),
            validate=[f"sh -c 'rm {host.root}/a; mkdir {host.root}/a; exit 1'"],
        )
    with pytest.raises(TreeError, match="Could not be put back"):
        host.run(host.file("a", b"old\n"))


def test_check_mode_writes_nothing_and_runs_no_validator(host):
    wanted = [host.directory("d"), host.file("d/a")]
    marker = host.root / "ran"
    result = host.run(*wanted, check=True, validate=[f"touch {marker}"])
    assert states(result) == {"d": "created", "a": "created"}
    assert not host.snapshot()


def test_check_mode_tells_of_an_interrupted_run(host):
    host.run(host.file("a"))
    (host.state / "demo.journal").write_text('{"undo": [], "empty": []}')
    result = host.run(host.file("a"), check=True)
    assert result["changed"]
    assert "interrupted" in result["warnings"][0]
    assert (host.state / "demo.journal").exists()


def test_a_damaged_manifest_is_named(host):
    host.state.mkdir()
    (host.state / "demo.json").write_text("{")
    with pytest.raises(TreeError, match="demo.json is damaged .* Remove it"):
        host.run(host.file("a"))


def test_a_damaged_journal_is_named(host):
    host.state.mkdir()
    (host.state / "demo.journal").write_text("{")
    with pytest.raises(TreeError, match="demo.journal is damaged"):
        host.run(host.file("a"))


@pytest.mark.parametrize("name", ["../x", "", "a.b", "-a", "a/b"])
def test_names_that_are_no_file_names(host, name):
    with pytest.raises(TreeError, match="may hold letters, digits"):
        run(Run(name, Tree(), str(host.state), execute))


def test_two_runs_at_once(host, monkeypatch):
    monkeypatch.setattr(_tree_lock, "LOCK_SECONDS", 0.2)
    host.state.mkdir()
    other = os.open(host.state, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TreeError, match="Another config_tree run has held"):
            host.run(host.file("a"))
    finally:
        os.close(other)
    assert host.run(host.file("a"))["changed"]


def test_a_name_too_long_is_named(host):
    with pytest.raises(TreeError, match="Cannot change .*: File name too long"):
        host.run(host.file("x" * 250))
    assert not host.snapshot()
    assert not list(host.state.glob("*journal*"))
