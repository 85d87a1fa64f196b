# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run of config_tree on the host: lock, recover, compare, write, validate, commit, apply."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from ansible_collections.farol.vps.plugins.module_utils import _tree_host as host
from ansible_collections.farol.vps.plugins.module_utils import _tree_manifest
from ansible_collections.farol.vps.plugins.module_utils._guard import Guard, GuardError
from ansible_collections.farol.vps.plugins.module_utils._tree_apply import Apply, due_of, forced
from ansible_collections.farol.vps.plugins.module_utils._tree_command import Execute, call
from ansible_collections.farol.vps.plugins.module_utils._tree_diff import diff_of
from ansible_collections.farol.vps.plugins.module_utils._tree_journal import Journal
from ansible_collections.farol.vps.plugins.module_utils._tree_lock import locked
from ansible_collections.farol.vps.plugins.module_utils._tree_manifest import Manifest
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_plan import (
    Change,
    Plan,
    make_plan,
)


@dataclass(frozen=True)
class Guarded:
    """What a new login has to confirm: changes of files that match `paths`, relative to dest.

    `keep` are further files, absolute, that go back with them.
    """

    guard: Guard
    paths: list[str]
    timeout: int
    keep: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    name: str
    tree: Tree
    state_dir: str
    execute: Execute
    validate: list[str] = field(default_factory=list)
    apply: list[Apply] = field(default_factory=list)
    guarded: Guarded | None = None
    dest: str = "/"
    check: bool = False
    diff: bool = False


def run(job: Run) -> dict:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", job.name):
        raise TreeError(f"name: {job.name!r} may hold letters, digits, '-' and '_' only.")
    journal = Journal(job.state_dir, job.name)
    if job.check:
        return _predict(job, journal)
    with locked(job.state_dir):
        try:
            recovered = journal.recover()
        except OSError as error:
            raise TreeError(f"Cannot undo the interrupted run: {error}.") from error
        told = _told(job)
        _force(job, journal)
        plan = _plan(job)
        result = _result(job, plan)
        token = _arm(job, plan)
        if token:
            job = replace(job, execute=job.guarded.guard.limited)
        with _step(job, token):
            _write(job, plan, journal, token)
        _apply(job, plan.manifest, journal, token)
    if token:
        result["token"] = token
    if recovered:
        told = [f"An interrupted run of {job.name} was undone first.", *told]
        result["changed"] = True
    if told:
        result["warnings"] = told
    return result


def _told(job: Run) -> list[str]:
    """What the host undid since the last run; what a killed run left armed is undone here."""
    if job.guarded is None:
        return []
    try:
        undone = job.guarded.guard.report()
    except GuardError as error:
        raise TreeError(str(error)) from error
    return [undone] if undone else []


def _arm(job: Run, plan: Plan) -> str:
    """The token that confirms the change, empty if nothing changes that is guarded."""
    if job.guarded is None or not any(
        fnmatchcase(os.path.relpath(change.path, job.dest), pattern)
        for change in plan.changes
        for pattern in job.guarded.paths
    ):
        return ""
    kept = [
        change.path
        for change in plan.changes
        if change.what not in ("mkdir", "rmdir") and change.before.kind != "directory"
    ]
    try:
        return job.guarded.guard.arm(
            [*kept, *job.guarded.keep, _manifest_path(job)],
            list(plan.manifest.due),
            job.guarded.timeout,
        )
    except GuardError as error:
        raise TreeError(str(error)) from error


@contextlib.contextmanager
def _step(job: Run, token: str) -> Iterator[None]:
    """Nothing is written and nothing applied once the host has put back what was there before."""
    if not token:
        yield
        return
    try:
        with job.guarded.guard.holding(token):
            yield
    except GuardError as error:
        raise TreeError(str(error)) from error


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
        plan = make_plan(job.tree, manifest, claimed, predict=job.check)
    except OSError as error:
        raise TreeError(
            f"Cannot read {error.filename}: {error.strerror}. Run the task with `become: true`."
        ) from error
    due = due_of(job.apply, job.dest, manifest.due, [change.path for change in plan.changes])
    return replace(plan, manifest=replace(plan.manifest, due=due))


def _result(job: Run, plan: Plan) -> dict:
    result: dict = {
        "changed": bool(plan.changes or plan.manifest.due),
        "files": [{"path": change.path, "state": change.state} for change in plan.changes],
        "applied": list(plan.manifest.due),
    }
    if job.diff:
        result["diff"] = [diff_of(change) for change in plan.changes]
    return result


def _force(job: Run, journal: Journal) -> None:
    """What the caller says is due stays so, even if nothing else of this run succeeds."""
    if any(entry.due for entry in job.apply):
        manifest = _tree_manifest.load(_manifest_path(job))
        _keep(job, replace(manifest, due=forced(job.apply, manifest.due)), journal)


def _keep(job: Run, manifest: Manifest, journal: Journal) -> None:
    changes = _manifest_change(job, manifest)
    if changes:
        _commit(changes, [], job, journal)


def _write(job: Run, plan: Plan, journal: Journal, token: str) -> None:
    changes = plan.changes + _manifest_change(job, plan.manifest)
    try:
        if plan.changes or plan.manifest.due:
            _commit(changes, job.validate, job, journal)
        elif changes:
            _commit(changes, [], job, journal)
    except TreeError:
        if token:
            # Nothing was applied, and the files are back: there is nothing to undo.
            job.guarded.guard.confirm(token)
        raise


def _commit(changes: list[Change], validate: list[str], job: Run, journal: Journal) -> None:
    journal.begin(changes)
    try:
        journal.apply(changes)
        for command in validate:
            call("validate", command, job.execute, "Correct the templates or their variables.")
        journal.commit()
    except BaseException as error:
        # After the commit there is no way back, and nothing to put back.
        if os.path.exists(journal.pending):
            _roll_back(journal, error)
        raise


def _apply(job: Run, manifest: Manifest, journal: Journal, token: str) -> None:
    """What succeeds is crossed out at once, so that a killed run is continued where it ended."""
    due, applied = dict(manifest.due), []
    for command in manifest.due:
        try:
            with _step(job, token):
                call("apply", command, job.execute, "Mend what it complains about and run again.")
                del due[command]
                applied.append(command)
                _keep(job, replace(manifest, due=due), journal)
        except TreeError as error:
            if token:
                raise _undo(job, error) from error
            raise TreeError(
                f"{error} The files are written and valid; the next run applies "
                f"{' and '.join(map(repr, due))}.",
                **{**error.details, "changed": True, "applied": applied},
            ) from error


def _undo(job: Run, error: TreeError) -> TreeError:
    try:
        job.guarded.guard.restore()
        job.guarded.guard.report()
    except GuardError as failure:
        return TreeError(f"{error} {failure}", **error.details)
    return TreeError(f"{error} Everything is as it was before.", **error.details)


def _roll_back(journal: Journal, error: BaseException) -> None:
    try:
        journal.roll_back()
    except (TreeError, OSError) as failure:
        raise TreeError(f"{error} {failure}") from error
    if isinstance(error, TreeError):
        raise TreeError(f"{error} Every file is as it was before.", **error.details) from error


def _manifest_path(job: Run) -> str:
    return os.path.join(job.state_dir, f"{job.name}.json")


def _manifest_change(job: Run, manifest: Manifest) -> list[Change]:
    """The manifest is replaced, and put back, along with the files it lists."""
    path, content = _manifest_path(job), manifest.dump()
    found = host.look(path)
    if found.kind == "file" and host.read(path) == content:
        return []
    entry = Entry(path, "file", mode=0o600, content=content)
    return [Change(path, "replace", found, entry, os.geteuid(), os.getegid())]
