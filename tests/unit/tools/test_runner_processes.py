# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that a command has started is found and ended, also what began a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from ansible_collections.farol.vps.tools.runner.processes import (
    end_family,
    family,
    kill_family,
    new_mark,
)

# A worker as Ansible's: a session of its own, and the parent is gone.
ORPHAN = """
import os, time
if os.fork():
    os._exit(0)
os.setsid()
{signals}
print("ready", flush=True)
time.sleep(600)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.fixture
def orphan():
    marks = []

    def start(signals=""):
        mark = new_mark()
        marks.append(mark)
        parent = subprocess.Popen(
            [sys.executable, "-c", ORPHAN.format(signals=signals)],
            stdout=subprocess.PIPE,
            env={**os.environ, mark: "1"},
            text=True,
        )
        assert parent.stdout.readline() == "ready\n"
        parent.wait()
        return mark

    yield start
    for mark in marks:
        kill_family(mark)


def test_an_orphan_in_a_session_of_its_own_is_found_and_ended(orphan):
    mark = orphan()
    commands = list(family(mark).values())
    assert len(commands) == 1 and commands[0].startswith(sys.executable)
    assert list(end_family(mark).values()) == commands
    assert family(mark) == {}


def test_what_does_not_listen_is_killed(orphan):
    mark = orphan(DEAF)
    assert len(end_family(mark, grace=0.2)) == 1
    assert family(mark) == {}


def test_others_are_left_alone(orphan):
    other, mark = orphan(), orphan()
    end_family(mark)
    assert len(family(other)) == 1


def test_what_is_started_meanwhile_is_killed_too(tmp_path):
    mark = new_mark()
    script = "while true; do (setsid sleep 600 &) ; sleep 0.01; done"
    endless = subprocess.Popen(["bash", "-c", script], env={**os.environ, mark: "1"})
    deadline = time.monotonic() + 60
    while len(family(mark)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    kill_family(mark)
    endless.wait(60)
    assert family(mark) == {}


def test_nobody_is_found_where_nobody_is():
    assert end_family(new_mark()) == {}
