# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard's core on real files, with a clock that the tests turn."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _guard
from ansible_collections.farol.vps.plugins.module_utils._guard import Guard, GuardError
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Guarded, Run, run


class Clock:
    """systemd's part: it remembers the timers, and `strike` is one that elapses."""

    def __init__(self):
        self.timers: dict[str, list[str]] = {}
        self.broken = False
        self.ran: list[str] = []

    def call(self, command):
        """As `execute` is at that moment, since a test may have put another in its place."""
        return self.execute(command)

    def execute(self, command):
        self.ran.append(command)
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

    def strike_now(self):
        """The timer elapses; the script has told so and goes on by itself."""
        words = next(iter(self.timers.values()))
        armed = Path(words[-1]).with_name("armed")
        self.script = subprocess.Popen(words)
        while armed.exists():
            time.sleep(0.01)

    def strike_while(self, word):
        """The timer elapses in the middle of the command that holds the word."""
        before = self.execute

        def execute(command):
            if word in command and self.timers:
                self.strike_now()
            return before(command)

        self.execute = execute

    def strike(self, *arguments):
        for words in list(self.timers.values()):
            subprocess.run([*words, *arguments], check=True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(tmp_path, clock):
    return Guard(
        "ssh",
        clock.call,
        str(tmp_path / "guard"),
        str(tmp_path / "units"),
    )


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
    left = os.listdir(guard.folder) if os.path.exists(guard.folder) else []
    return left in ([], ["confirmed"]) and not units and not clock.timers


def test_what_is_confirmed_stays(guard, etc, clock):
    guard.confirm(change(guard, etc))
    assert (etc / "new").exists()
    assert nothing_is_left(guard, clock)
    assert guard.report() is None


def test_a_confirmation_whose_answer_was_lost_may_come_again(guard, etc, clock):
    token = change(guard, etc)
    guard.confirm(token)
    guard.confirm(token)
    with pytest.raises(GuardError, match="has put back"):
        guard.confirm("0" * 32)
    assert (etc / "new").exists() and nothing_is_left(guard, clock)
    guard.confirm(change(guard, etc))


def test_no_step_begins_once_the_host_has_put_things_back(guard, etc, clock):
    token = change(guard, etc)
    clock.strike()
    with pytest.raises(GuardError, match="nothing was changed after that"), guard.holding(token):
        (etc / "old").write_text("over it\n")
    assert is_as_before(etc)


def test_no_step_begins_in_a_change_of_another_run(guard, etc):
    change(guard, etc)
    with pytest.raises(GuardError, match="has put back"), guard.holding("0" * 32):
        raise AssertionError("began")


def test_the_host_waits_for_the_step_that_has_begun(guard, etc, clock):
    token = change(guard, etc)
    with guard.holding(token):
        clock.strike_now()
        (etc / "new").write_text("later\n")
        with pytest.raises(subprocess.TimeoutExpired):
            clock.script.wait(0.3)
    assert clock.script.wait(60) == 0
    assert is_as_before(etc)


class TestCommands:
    """What a guard runs by itself."""

    def run(self, guard, etc, *commands):
        return guard.change(list(commands), [str(etc / "old"), str(etc / "new")], [], 60)

    def test_they_run_and_wait_to_be_confirmed(self, guard, etc, clock):
        guard.confirm(self.run(guard, etc, f"touch {etc}/new"))
        assert (etc / "new").exists() and nothing_is_left(guard, clock)

    def test_one_that_fails_puts_back_what_the_others_changed(self, guard, etc, clock):
        with pytest.raises(GuardError, match="'false' failed with code 1: it printed nothing"):
            self.run(guard, etc, f"touch {etc}/new", "false", f"touch {etc}/more")
        assert is_as_before(etc) and nothing_is_left(guard, clock)

    def test_none_runs_after_the_host_has_put_things_back(self, guard, etc, clock):
        clock.strike_while("touch")
        with pytest.raises(GuardError, match="nothing was changed after that"):
            self.run(guard, etc, f"touch {etc}/new", f"touch {etc}/more")
        assert clock.script.wait(60) == 0
        assert is_as_before(etc)

    def test_one_that_hangs_is_ended(self, guard, etc, monkeypatch):
        monkeypatch.setattr(_guard, "STEP_SECONDS", 1)
        with pytest.raises(GuardError, match="did not end within 1 s. Everything is as it was"):
            self.run(guard, etc, "sleep 600")


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

    def test_nothing_is_applied_over_what_the_host_has_put_back(self, write, etc, clock):
        from ansible_collections.farol.vps.plugins.module_utils._tree_apply import Apply

        clock.strike_while("slow")
        with pytest.raises(TreeError, match="nothing was changed after that"):
            write(b"after\n", apply=[Apply("echo slow"), Apply("echo next")])
        assert clock.script.wait(60) == 0
        assert not [command for command in clock.ran if "next" in command]
        assert is_as_before(etc)

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
