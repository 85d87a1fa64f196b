# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Full, read-only and unlinkable file systems: real ones."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Run, run

OWN = {"owner": str(os.geteuid()), "group": str(os.getegid())}


def execute(command: str) -> tuple[int, str, str]:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def small(tmp_path):
    """A file system of 16 pages."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", place], check=True)


def write(place, state, contents: dict, **options) -> dict:
    entries = [
        Entry(str(place / name), "file", content=text, **OWN) for name, text in contents.items()
    ]
    return run(Run("demo", Tree(entries), str(state), execute, **options))


def files(place) -> dict:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_full_disk_changes_nothing(small, tmp_path):
    old = {"a": b"old", "b": b"old"}
    write(small, tmp_path / "state", old)
    with pytest.raises(TreeError, match="Cannot change .*/b: No space left on device. Free some"):
        write(small, tmp_path / "state", {"a": b"new", "b": b"x" * 100_000})
    assert files(small) == old
    assert write(small, tmp_path / "state", {"a": b"new", "b": b"new"})["changed"]


def test_files_are_put_back_on_a_disk_that_filled_up_meanwhile(small, tmp_path):
    old = {"a": b"old" * 5000, "b": b"old" * 500}
    write(small, tmp_path / "state", old)
    fill = f"sh -c 'cat /dev/zero > {small}/fill; exit 3'"
    with pytest.raises(TreeError, match="failed with code 3"):
        write(small, tmp_path / "state", {"a": b"new" * 5000, "b": b"n"}, validate=[fill])
    (small / "fill").unlink()
    assert files(small) == old


def test_full_disk_under_the_journal(small, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (small / "fill").write_bytes(b"x" * (64 * 1024))
    with pytest.raises(TreeError, match="Cannot change .*demo.journal: No space left"):
        write(target, small, {"a": b"new"})
    assert files(target) == {}
    assert list(files(small)) == ["fill"]


def test_read_only_file_system(small, tmp_path):
    write(small, tmp_path / "state", {"a": b"old"})
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    with pytest.raises(TreeError, match="Cannot change .*/a: Read-only file system. .* remount"):
        write(small, tmp_path / "state", {"a": b"new"})
    assert files(small) == {"a": b"old"}
    with pytest.raises(TreeError, match="Cannot change .*: Read-only file system"):
        write(tmp_path, small / "state", {"b": b"new"})
    assert write(small, tmp_path / "state", {"a": b"new"}, check=True)["changed"]


def test_a_mount_point_is_not_replaced(small, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "a").write_bytes(b"old")
    (small / "source").write_bytes(b"mounted")
    subprocess.run(["mount", "--bind", small / "source", target / "a"], check=True)
    try:
        with pytest.raises(TreeError, match="/a: .* It is a mount point"):
            write(target, tmp_path / "state", {"0": b"new", "a": b"new"})
        assert files(target) == {"a": b"mounted"}
    finally:
        subprocess.run(["umount", target / "a"], check=True)


def test_without_hard_links(small, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write(small, tmp_path / "state", {"a": b"old"})
    with pytest.raises(TreeError):
        write(small, tmp_path / "state", {"a": b"new"}, validate=["false"])
    assert files(small) == {"a": b"old"}
    write(small, tmp_path / "state", {"a": b"new"})
    assert files(small) == {"a": b"new"}
