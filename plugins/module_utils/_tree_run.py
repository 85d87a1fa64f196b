# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run of config_tree on the host: lock, recover, compare, write, validate, commit."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.farol.vps.plugins.module_utils import _tree_host as host
from ansible_collections.farol.vps.plugins.module_utils import _tree_manifest
from ansible_collections.farol.vps.plugins.module_utils._tree_diff import diff_of
from ansible_collections.farol.vps.plugins.module_utils._tree_journal import Journal, naming
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_plan import (
    Change,
    Plan,
    make_plan,
)

LOCK_SECONDS = 30.0

# Runs a command without a shell; gives its exit code, output and error output.
Execute = Callable[[str], tuple]


@dataclass(frozen=True)
class Run:
    name: str
    tree: Tree
    state_dir: str
    execute: Execute
    validate: list[str] = field(default_factory=list)
    check: bool = False
    diff: bool = False


def run(job: Run) -> dict:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", job.name):
        raise TreeError(f"name: {job.name!r} may hold letters, digits, '-' and '_' only.")
    journal = Journal(job.state_dir, job.name)
    if job.check:
        return _predict(job, journal)
    with _locked(job.state_dir):
        try:
            recovered = journal.recover()
        except OSError as error:
            raise TreeError(f"Cannot undo the interrupted run: {error}.") from error
        plan = _plan(job)
        result = _result(job, plan)
        _write(job, plan, journal)
    if recovered:
        result.update(
            changed=True, warnings=[f"An interrupted run of {job.name} was undone first."]
        )
    return result


def _predict(job: Run, journal: Journal) -> dict:
    result = _result(job, _plan(job))
    if journal.interrupted():
        result.update(
            changed=True,
            warnings=[f"A run of {job.name} was interrupted: the next one undoes it first."],
        )
    return result


def _plan(job: Run) -> Plan:
    path = _manifest_path(job)
    try:
        manifest = _tree_manifest.load(path)
        claimed = _tree_manifest.claimed_by_others(path) if manifest.files else set()
        return make_plan(job.tree, manifest, claimed, predict=job.check)
    except OSError as error:
        raise TreeError(
            f"Cannot read {error.filename}: {error.strerror}. Run the task with `become: true`."
        ) from error


def _result(job: Run, plan: Plan) -> dict:
    result: dict = {
        "changed": bool(plan.changes),
        "files": [{"path": change.path, "state": change.state} for change in plan.changes],
    }
    if job.diff:
        result["diff"] = [diff_of(change) for change in plan.changes]
    return result


def _write(job: Run, plan: Plan, journal: Journal) -> None:
    changes = plan.changes + _manifest_change(job, plan)
    if not changes:
        return
    journal.begin(changes)
    try:
        journal.apply(changes)
        if plan.changes:
            for command in job.validate:
                _validate(command, job.execute)
        journal.commit()
    except BaseException as error:
        # After the commit there is no way back, and nothing to put back.
        if os.path.exists(journal.pending):
            _roll_back(journal, error)
        raise


def _roll_back(journal: Journal, error: BaseException) -> None:
    try:
        journal.roll_back()
    except (TreeError, OSError) as failure:
        raise TreeError(f"{error} {failure}") from error
    if isinstance(error, TreeError):
        raise TreeError(f"{error} Every file is as it was before.", **error.details) from error


def _validate(command: str, execute: Execute) -> None:
    try:
        code, stdout, stderr = execute(command)
    except OSError as error:
        raise TreeError(
            f"validate: cannot run {command!r}: {error.strerror}. "
            "Install the command first, or correct `validate`."
        ) from error
    if code:
        seen = stderr.strip() or stdout.strip() or "it printed nothing"
        raise TreeError(
            f"validate: {command!r} failed with code {code}: {seen}\n"
            "Correct the templates or their variables.",
            cmd=command,
            rc=code,
            stdout=stdout,
            stderr=stderr,
        )


def _manifest_path(job: Run) -> str:
    return os.path.join(job.state_dir, f"{job.name}.json")


def _manifest_change(job: Run, plan: Plan) -> list[Change]:
    """The manifest is replaced, and put back, along with the files it lists."""
    path, content = _manifest_path(job), plan.manifest.dump()
    found = host.look(path)
    if found.kind == "file" and host.read(path) == content:
        return []
    entry = Entry(path, "file", mode=0o600, content=content)
    return [Change(path, "replace", found, entry, os.geteuid(), os.getegid())]


@contextlib.contextmanager
def _locked(state_dir: str):
    """A second run at the same time would take the first one's journal for a dead one."""
    with naming(state_dir):
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        handle = os.open(state_dir, os.O_RDONLY)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TreeError(
                        f"Another config_tree run has held {state_dir} for {LOCK_SECONDS:.0f} s. "
                        "Wait for it, or stop it, and run again."
                    ) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)
