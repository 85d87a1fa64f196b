# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process that is killed at any of its system calls leaves something the next run can repair."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._tree_apply import Apply
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Run, run

OWN = {"owner": str(os.geteuid()), "group": str(os.getegid())}
STEPS = {"open", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir"}
STEPS |= {"os.chmod", "os.chown", "subprocess.Popen"}


def execute(command: str) -> tuple[int, str, str]:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def wanted(root: Path, new: bool) -> Tree:
    def entry(path: str, kind: str = "file", **fields) -> Entry:
        return Entry(str(root / path), kind, **OWN, **fields)

    text = entry("text", content=b"new" if new else b"old")
    mode = entry("mode", mode=0o600 if new else 0o644)
    link = entry("link", "link", target="mode" if new else "text")
    folder = "fresh" if new else "stale"
    inside = entry(f"{folder}/x", content=b"x")
    return Tree([entry(folder, "directory", mode=0o755), inside, link, mode, text])


def contents(root: Path) -> dict:
    return {
        path.name: (path.lstat().st_mode, path.is_file() and path.read_bytes())
        for path in root.rglob("*")
    }


def killed_at(step: int, job: Run) -> bool:
    """Run `job` in a child that kills itself before its `step`-th system call of interest."""
    child = os.fork()
    if not child:
        left = step

        def count(event, arguments):
            nonlocal left
            if event in STEPS and not str(arguments[0]).endswith((".py", ".pyc", ".so")):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        run(job)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("after", ["the new tree again", "the old tree"])
def test_killed_anywhere(tmp_path, after):
    steps = 0
    while True:
        base = tmp_path / str(steps)
        root, state = base / "root", base / "state"
        root.mkdir(parents=True)
        validated = base / "validated"
        run(Run("demo", wanted(root, new=False), str(state), execute))
        old = contents(root)
        job = Run("demo", wanted(root, new=True), str(state), execute, [f"touch {validated}"])
        killed = killed_at(steps, job)
        torn = contents(root)["text"][1]
        assert torn in (b"old", b"new")

        if after == "the old tree":
            run(Run("demo", wanted(root, new=False), str(state), execute))
            assert contents(root) == old
        else:
            committed = (state / "demo.done").exists() or not killed
            before_commit = not committed and not (validated.exists() and torn == b"new")
            validated.unlink(missing_ok=True)
            result = run(job)
            if before_commit:
                assert result["changed"]
                assert validated.exists()
            names = {"fresh", "x", "link", "mode", "text"}
            assert set(contents(root)) == names
            assert contents(root)["text"][1] == b"new"
            assert (root / "mode").stat().st_mode & 0o777 == 0o600
        assert [path.name for path in state.iterdir()] == ["demo.json"]
        assert not run(Run("demo", wanted(root, after != "the old tree"), str(state), execute))[
            "changed"
        ]
        if not killed:
            break
        steps += 1
    assert steps > 30


def applying(base: Path, due: bool) -> Run:
    one, two, forced = (f"sh -c 'echo {word} >> {base}/log'" for word in ("one", "two", "forced"))
    tree = Tree([Entry(str(base / "root/a"), "file", content=b"new", **OWN)])
    apply = [Apply(one), Apply(two), Apply(forced, [], due)]
    return Run("demo", tree, str(base / "state"), execute, apply=apply)


def applied(base: Path) -> list[str]:
    return (base / "log").read_text().split() if (base / "log").exists() else []


def test_killed_anywhere_everything_due_is_applied(tmp_path):
    """What is forced as well, although only the killed run was told so."""
    steps = between = 0
    while True:
        base = tmp_path / str(steps)
        (base / "root").mkdir(parents=True)
        killed = killed_at(steps, applying(base, due=True))
        written, before = (base / "root/a").exists(), applied(base)
        result = run(applying(base, due=False))
        after = applied(base)
        assert list(dict.fromkeys(after))[:2] == ["one", "two"]
        assert len(after) == len(before) + len(result["applied"])
        if written and before != ["one", "two", "forced"]:
            between += 1
            assert result["changed"]
            assert after[-1] == "forced"
        assert not run(applying(base, due=False))["changed"]
        assert [path.name for path in (base / "state").iterdir()] == ["demo.json"]
        if not killed:
            break
        steps += 1
    assert between > 5
