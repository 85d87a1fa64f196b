"""The state folder: flags, lock and log as files, and runs that are killed as real processes."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_state
from ansible_collections.farol.vps.plugins.module_utils._release_state import (
    Busy,
    State,
    started,
    write,
)

SUBREAPER = (
    36  # of prctl(2): orphans come to this process, which a container's first one may not care for
)

BEGIN = f"""
import os, signal, sys, time
from {_release_state.__name__} import State
from {_release_state.__name__.replace("_state", "_host")} import Host
state = State(sys.argv[1])
"""


@pytest.fixture
def state(tmp_path):
    return State(str(tmp_path / "api"))


@pytest.fixture
def folder(state):
    Path(state.folder).mkdir()
    return Path(state.folder)


@pytest.fixture
def runs(state):
    """Start a run of the same application in a process of its own, with some code in it."""
    processes = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + code, state.folder], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


HOLDS = """
with state.lock("release", "1.1-b"):
    state.note(step="gate")
    print("ready", flush=True)
    time.sleep(300)
"""


def kill(process):
    process.kill()
    process.wait()


def lock(state):
    """Take the lock and let it go; what an interrupted run has written."""
    with state.lock("release", "1.2-c") as interrupted:
        return interrupted


def soon(true, seconds=10):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


# The lock.


def test_a_run_finds_the_lock_free_and_leaves_no_word(state):
    assert lock(state) == {}
    assert state.holder() == {} and lock(state) == {}


def test_the_holder_says_what_it_does(state):
    with state.lock("release", "1.1-b"):
        state.note(step="gate")
        record = State(state.folder).holder()
    assert record["pid"] == os.getpid()
    assert (record["action"], record["release"], record["step"]) == ("release", "1.1-b", "gate")
    assert time.strptime(record["since"], "%Y-%m-%dT%H:%M:%SZ")


def test_a_note_without_the_lock_is_nobodys(state, folder):
    state.note(step="gate")
    assert not (folder / "lock").exists()


def test_another_run_is_refused_with_what_the_first_one_does(state, runs):
    process = runs(HOLDS)
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(Busy, match=rf"\(process {process.pid}\) .*, at step gate; wait for it"):
        lock(state)
    assert state.holder()["step"] == "gate", "the refused run has left the other's words alone"


def test_a_holder_without_a_word_is_refused_all_the_same(state, runs):
    process = runs(HOLDS)
    process.stdout.readline()
    Path(state.path("lock")).write_text("")
    with pytest.raises(Busy, match="process unknown.* since just now, at step start"):
        lock(state)


def test_a_killed_run_frees_the_lock_and_the_next_one_knows_of_it(state, runs):
    process = runs(HOLDS)
    process.stdout.readline()
    kill(process)
    interrupted = lock(state)
    assert (interrupted["pid"], interrupted["step"]) == (process.pid, "gate")
    assert (interrupted["action"], interrupted["release"]) == ("release", "1.1-b")
    assert lock(state) == {}, "it is told once"


def test_a_run_that_is_killed_while_it_writes_a_shorter_word_is_known(state, runs):
    process = runs(
        """
with state.lock("release", "1.1-b"):
    state.note(step="a step with a very long name", child=None)
    os.ftruncate = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    state.note(step="gate")
"""
    )
    assert process.wait(20) == -signal.SIGKILL
    assert lock(state)["step"] == "gate"


@pytest.mark.parametrize(("error", "told"), [(ValueError, True), (KeyboardInterrupt, False)])
def test_an_error_is_an_end_and_an_interruption_is_none(state, error, told):
    with pytest.raises(error), state.lock("release", "1.1-b"):
        raise error
    assert (lock(state) == {}) is told


@pytest.mark.parametrize("text", ["", "[]", "null", "torn {", '"word"'])
def test_a_lock_file_with_anything_else_in_it_says_nothing(state, folder, text):
    (folder / "lock").write_text(text)
    assert state.holder() == {} and lock(state) == {}


# What a killed run has left at work.


@pytest.fixture
def reaper(monkeypatch):
    """Be the parent of orphans, and wait for those that are named."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(SUBREAPER, 1, 0, 0, 0) == 0

    def wait(pid):
        # It comes here only when its parent has ended.
        while started(pid):
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.01)

    def reap(*pids):
        for pid in pids:
            threading.Thread(target=wait, args=(pid,), daemon=True).start()

    yield reap
    prctl(SUBREAPER, 0, 0, 0, 0)


def leftover(state, runs, command):
    """Kill a run while a command of it is at work; the ids of that command, in the order it printed them."""
    code = f"""
with state.lock("release", "1.1-b"):
    state.note(step="migrate")
    Host("api", state).run(["sh", "-c", {command!r}])
"""
    pids = Path(state.folder).parent / "pids"
    process = runs(code)
    assert soon(lambda: pids.exists() and pids.read_text().endswith("all\n"))
    assert soon(lambda: "child" in state.holder())
    kill(process)
    return [int(pid) for pid in pids.read_text().split()[:-1]]


def test_a_command_that_a_killed_run_left_is_ended_with_all_it_started(state, runs, reaper):
    pids = Path(state.folder).parent / "pids"
    found = leftover(state, runs, f"sleep 300 & echo $$ $! all > {pids}; wait")
    reaper(*found)
    assert all(started(pid) for pid in found), "they outlive the run"
    start = time.monotonic()
    assert lock(state)["child"]["pid"] == found[0]
    assert not any(started(pid) for pid in found)
    assert time.monotonic() - start < 5, "as soon as they ended"


def test_a_command_that_does_not_listen_is_killed(state, runs, reaper, monkeypatch):
    monkeypatch.setattr(_release_state, "LEFTOVER", 0.5)
    pids = Path(state.folder).parent / "pids"
    command = f"trap '' TERM; echo $$ all > {pids}; while :; do sleep 0.1; done"
    found = leftover(state, runs, command)
    reaper(*found)
    lock(state)
    assert soon(lambda: not started(found[0]), 2)


def test_what_outlives_the_command_itself_is_ended(state, runs, reaper):
    pids = Path(state.folder).parent / "pids"
    found = leftover(state, runs, f"sleep 300 & echo $$ $! all > {pids}")
    reaper(*found)
    assert soon(lambda: not started(found[0]))
    lock(state)
    assert not started(found[1])


def test_a_process_that_has_got_the_same_number_since_is_left_alone(state, folder):
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as other:
        record = {"child": {"pid": other.pid, "started": "1"}}
        (folder / "lock").write_text(json.dumps(record))
        assert lock(state) == record
        assert other.poll() is None
        other.kill()


def test_a_command_that_has_ended_by_itself_is_no_trouble(state, folder):
    process = subprocess.Popen(["true"], start_new_session=True)
    child = {"pid": process.pid, "started": started(process.pid)}
    process.wait()
    (folder / "lock").write_text(json.dumps({"child": child}))
    start = time.monotonic()
    lock(state)
    assert time.monotonic() - start < 9


def test_when_a_process_started_is_known_as_long_as_it_is_there():
    assert int(started(os.getpid())) > 0
    assert started(2**22 + 1) is None


# The window between a bake that ends and a rollback.


def test_the_window_is_one_runs_at_a_time(state, folder, runs):
    process = runs(
        """
with state.window():
    print("ready", flush=True)
    time.sleep(0.5)
    print(time.monotonic(), flush=True)
"""
    )
    assert process.stdout.readline() == "ready\n"
    with state.window():
        assert time.monotonic() > float(process.stdout.readline())


def test_the_window_does_not_outlive_a_killed_run(state, folder, runs):
    process = runs("""
with state.window():
    print("ready", flush=True)
    time.sleep(300)
""")
    process.stdout.readline()
    kill(process)
    with state.window():
        pass


# The flags, as Nginx looks at them.


def test_the_flag_is_green_or_it_is_blue(state, folder):
    assert state.live == "blue"
    for _twice in range(2):
        state.flip("green")
        assert state.live == "green" and (folder / "green").exists()
    for _twice in range(2):
        state.flip("blue")
        assert state.live == "blue" and os.listdir(folder) == []


@pytest.mark.parametrize(
    ("shares", "files"),
    [
        ([10], ["1", "10", "5", "always"]),
        ([10, 50], ["1", "10", "25", "5", "50", "always"]),
        ([50, 5], ["1", "5", "always"]),
        ([25, 25], ["1", "10", "25", "5", "always"]),
        ([50, 0], ["always"]),
    ],
)
def test_a_canary_is_raised_and_lowered(state, folder, shares, files):
    assert state.canary is None
    for share in shares:
        state.set_canary(share)
        assert state.canary == share
    assert sorted(os.listdir(folder / "canary")) == files


def test_a_canary_ends_as_a_whole(state, folder):
    state.set_canary(50)
    for _twice in range(2):
        state.end_canary()
        assert state.canary is None and not (folder / "canary").exists()


def test_a_canary_that_was_ended_halfway_is_none(state, folder):
    state.set_canary(50)
    (folder / "canary/always").unlink()
    assert state.canary is None
    state.set_canary(5)
    assert state.canary == 5


def test_a_release_is_held_until_it_is_let_go(state, folder):
    assert state.held is None
    state.hold("1.1-b")
    state.hold("1.2-c")
    assert state.held == "1.2-c"
    for _twice in range(2):
        state.let_go()
        assert state.held is None
    (folder / "held").write_text("\n")
    assert state.held is None


# The log.


def test_the_log_has_what_was_written_in_its_order(state, folder):
    assert state.entries() == []
    state.log({"release": "1.0-a", "reason": "two\nlines"})
    state.log({"release": "1.1-ü"})
    assert state.entries() == [{"release": "1.0-a", "reason": "two\nlines"}, {"release": "1.1-ü"}]
    assert len((folder / "releases.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("end", [b'{"release": "1.1-b", "st', b"\0\0\0\0"])
def test_a_torn_line_costs_neither_the_log_nor_the_next_line(state, folder, end):
    state.log({"release": "1.0-a"})
    with open(folder / "releases.jsonl", "ab") as handle:
        handle.write(end)
    assert state.entries() == [{"release": "1.0-a"}]
    state.log({"release": "1.2-c"})
    state.log({"release": "1.3-d"})
    assert [entry["release"] for entry in state.entries()] == ["1.0-a", "1.2-c", "1.3-d"]


# Writing.


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_its_mode_whatever_the_umask_and_what_was_there(tmp_path, umask, mode):
    path = tmp_path / "secrets.json"
    path.touch(0o666)
    stale = tmp_path / "secrets.json.new"
    stale.write_text("left by a killed run, and longer than what comes")
    stale.chmod(0o666)
    write(str(path), "short\n", mode)
    assert path.read_text() == "short\n"
    assert path.stat().st_mode & 0o777 == mode
    assert os.listdir(tmp_path) == ["secrets.json"]


def test_a_secret_is_never_readable_by_others_not_even_while_it_is_written(tmp_path, monkeypatch):
    path = tmp_path / "secrets.json"
    (tmp_path / "secrets.json.new").touch(0o644)
    seen = []
    fsync = os.fsync

    def look(descriptor):
        seen.append((os.fstat(descriptor).st_mode & 0o777, path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(_release_state.os, "fsync", look)
    write(str(path), "s3cret", 0o600)
    assert seen == [(0o600, False)]


def test_a_reader_sees_one_whole_text_or_the_other(tmp_path, runs):
    path = tmp_path / "file"
    texts = {"a" * 200_000, "b" * 200_000}
    process = runs(
        f"""
from {_release_state.__name__} import write
while True:
    for letter in "ab":
        write({str(path)!r}, letter * 200_000, 0o644)
        print(letter, flush=True)
"""
    )
    process.stdout.readline()
    seen = set()
    deadline = time.monotonic() + 10
    while seen != texts and time.monotonic() < deadline:
        process.stdout.readline()
        seen.add(path.read_text())
    kill(process)
    assert seen == texts
    assert path.read_text() in texts, "killed at any moment"


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    write(str(path), "old", 0o644)
    with pytest.raises(UnicodeEncodeError):
        write(str(path), "new \udc80", 0o644)
    assert path.read_text() == "old"
