# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard's core on real files, with a clock that the tests turn."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._guard import Guard, GuardError
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Guarded, Run, run


class Clock:
    """systemd's part: it remembers the timers, and `strike` is one that elapses."""

    def __init__(self):
        self.timers: dict[str, list[str]] = {}
        self.broken = False

    def execute(self, command):
        words = shlex.split(command)
        if words[0] == "systemd-run":
            if self.broken:
                return 1, "", "Failed to connect to bus"
            unit = next(word for word in words if word.startswith("--unit="))[7:]
            self.timers[unit] = words[words.index("/bin/sh") :]
            return 0, "", ""
        if words[:2] == ["systemctl", "stop"]:
            self.timers.pop(words[2].removesuffix(".timer"), None)
            return 0, "", ""
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def strike(self, *arguments):
        for words in list(self.timers.values()):
            subprocess.run([*words, *arguments], check=True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(tmp_path, clock):
    return Guard("ssh", clock.execute, str(tmp_path / "guard"), str(tmp_path / "units"))


@pytest.fixture
def etc(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/old").write_text("before\n")
    (tmp_path / "etc/old").chmod(0o640)
    return tmp_path / "etc"


def change(guard, etc, *commands):
    token = guard.arm([str(etc / "old"), str(etc / "new")], list(commands), 60)
    (etc / "old").write_text("after\n")
    (etc / "new").write_text("after\n")
    return token


def is_as_before(etc):
    return (
        [path.name for path in etc.iterdir()] == ["old"]
        and (etc / "old").read_text() == "before\n"
        and (etc / "old").stat().st_mode & 0o777 == 0o640
    )


def nothing_is_left(guard, clock):
    units = [name for _folder, _folders, names in os.walk(guard.unit_dir) for name in names]
    return not os.path.exists(guard.folder) and not units and not clock.timers


def test_what_is_confirmed_stays(guard, etc, clock):
    guard.confirm(change(guard, etc))
    assert (etc / "new").exists()
    assert nothing_is_left(guard, clock)
    assert guard.report() is None


def test_what_nobody_confirms_goes_back_and_is_told_once(guard, etc, clock, tmp_path):
    token = change(guard, etc, f"touch '{tmp_path}/re loaded'")
    clock.strike()
    assert is_as_before(etc)
    assert (tmp_path / "re loaded").exists()
    with pytest.raises(GuardError, match="has put back"):
        guard.confirm(token)
    assert "nobody had confirmed it in time" in guard.report()
    assert guard.report() is None
    assert nothing_is_left(guard, clock)


def test_after_a_boot_the_files_go_back_without_commands(guard, etc, clock, tmp_path):
    change(guard, etc, f"touch {tmp_path}/reloaded")
    enabled = os.path.join(guard.unit_dir, "sysinit.target.wants", "farol-guard-ssh.service")
    assert "restore boot" in Path(enabled).read_text(encoding="utf-8")
    clock.strike("boot")
    assert is_as_before(etc)
    assert not (tmp_path / "reloaded").exists()


def test_a_killed_run_is_undone_by_the_next(guard, etc, clock):
    change(guard, etc)
    assert "interrupted run" in guard.report()
    assert is_as_before(etc)
    assert nothing_is_left(guard, clock)


def test_a_restore_that_was_killed_begins_again(guard, etc):
    change(guard, etc)
    os.rename(os.path.join(guard.folder, "armed"), os.path.join(guard.folder, "restoring"))
    (etc / "old").unlink()
    assert guard.report()
    assert is_as_before(etc)


def test_a_failing_command_does_not_keep_the_others_from_running(guard, etc, clock, tmp_path):
    change(guard, etc, "false", f"touch {tmp_path}/reloaded")
    clock.strike()
    assert (tmp_path / "reloaded").exists() and is_as_before(etc)


def test_a_change_of_another_run_is_not_confirmed(guard, etc):
    change(guard, etc)
    with pytest.raises(GuardError, match="another run"):
        guard.confirm("0" * 32)
    assert guard.pending()


def test_two_changes_of_one_name_do_not_mix(guard, etc):
    change(guard, etc)
    with pytest.raises(GuardError, match="armed already"):
        change(guard, etc)


def test_without_a_timer_nothing_is_armed(guard, etc, clock):
    clock.broken = True
    with pytest.raises(GuardError, match="Failed to connect to bus. Nothing was changed"):
        change(guard, etc)
    assert nothing_is_left(guard, clock)


def test_a_directory_loses_what_came_after(guard, etc):
    guard.arm([str(etc)], [], 60)
    (etc / "new").write_text("after\n")
    guard.restore()
    assert is_as_before(etc)


def test_a_name_is_one(clock):
    with pytest.raises(GuardError, match="letters, digits"):
        Guard("../etc", clock.execute)


class TestTree:
    """config_tree with a guard."""

    @pytest.fixture
    def write(self, guard, etc, clock, tmp_path):
        def call(content, path="old", **options):
            me, mine = str(os.geteuid()), str(os.getegid())
            entry = Entry(
                str(etc / path), "file", content=content, mode=0o640, owner=me, group=mine
            )
            guarded = Guarded(guard, ["old"], 60)
            options = {"dest": str(etc), "guarded": guarded, **options}
            job = Run("ssh", Tree([entry], {}), str(tmp_path / "state"), clock.execute, **options)
            return run(job)

        return call

    def test_a_guarded_change_asks_to_be_confirmed(self, write, guard, etc, clock):
        token = write(b"after\n")["token"]
        guard.confirm(token)
        assert (etc / "old").read_text() == "after\n"
        assert nothing_is_left(guard, clock)

    def test_nothing_is_armed_while_nothing_changes(self, write, clock):
        assert "token" not in write(b"before\n")
        assert not clock.timers

    def test_nothing_is_armed_for_other_files(self, write, clock):
        assert "token" not in write(b"more\n", path="other")
        assert not clock.timers

    def test_after_the_timer_the_next_run_warns_and_writes_again(self, write, etc, clock):
        write(b"after\n")
        clock.strike()
        assert is_as_before(etc)
        again = write(b"after\n")
        assert again["changed"] and "undone at" in again["warnings"][0]

    def test_what_is_invalid_is_not_guarded_any_more(self, write, guard, etc, clock):
        with pytest.raises(TreeError, match="Every file is as it was before"):
            write(b"after\n", validate=["false"])
        assert is_as_before(etc) and nothing_is_left(guard, clock)

    def test_a_failing_reload_puts_everything_back(self, write, guard, etc, clock):
        from ansible_collections.farol.vps.plugins.module_utils._tree_apply import Apply

        with pytest.raises(TreeError, match="Everything is as it was before"):
            write(b"after\n", apply=[Apply("false")])
        assert is_as_before(etc) and nothing_is_left(guard, clock)
        assert write(b"before\n")["applied"] == []

    def test_check_mode_arms_nothing(self, write, clock):
        assert write(b"after\n", check=True)["changed"]
        assert not clock.timers


def test_what_is_kept_besides_goes_back_with_the_tree(tmp_path, guard, clock, etc):
    """PAM's files are made by a command that the tree only starts."""
    made = tmp_path / "common-auth"
    made.write_text("before\n")
    tree = Tree([Entry(str(etc / "profile"), "file", mode=0o600, content=b"new")], {})
    job = Run(
        "ssh",
        tree,
        str(tmp_path / "state"),
        clock.execute,
        guarded=Guarded(guard, ["*"], 60, [str(made)]),
    )
    assert run(job)["token"]
    made.write_text("made anew\n")
    clock.strike()
    assert made.read_text() == "before\n" and not (etc / "profile").exists()
