# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change many files, all or none.

While a change is under way, the file that stood at `dir/x` is kept as `dir/.x.farol-old` (the same
inode: owner, mode, ACL and all) and its successor waits as `dir/.x.farol-new`. Before the first
of them appears, the journal `<name>.journal` says on disk how to undo every step. Renaming it to
`<name>.done` is the commit.

What is guaranteed:
- A reader sees the old file or the new one, whole. (Where the file system knows no hard links,
  the path is missing for an instant.)
- A failure at any step puts everything back with renames alone, so a full disk can't prevent it.
- If the process is killed or the machine stops, the next run of the same tree finds the journal
  and first undoes the half-made change (or, after the commit, finishes tidying up). So it
  converges, validates and reports "changed" as if the killed run had never been, and no temporary
  file remains. What somebody else wrote to the same paths in between is undone as well.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os

from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_plan import Change

_REMEDIES = {
    errno.ENOSPC: "Free some space on its file system.",
    errno.EDQUOT: "Raise the quota, or free some space.",
    errno.EROFS: "Its file system is read-only: remount it writable.",
    errno.EACCES: "Run the task with `become: true`.",
    errno.EPERM: "Run the task with `become: true`; check lsattr for an immutable flag.",
    errno.EBUSY: "It is a mount point: unmount it, or take it out of the tree.",
}


@contextlib.contextmanager
def naming(path: str):
    """Turn an operating system error into one that names `path` and the remedy."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno, "")
        raise TreeError(f"Cannot change {path}: {error.strerror}. {remedy}".rstrip()) from error


def _beside(path: str, suffix: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.farol-{suffix}")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise


def _rmdir(path: str) -> None:
    """A directory in which somebody has put something meanwhile stays."""
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
            raise


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: str, content: bytes) -> int:
    """Create `path`, readable by root alone, and return its open handle."""
    _unlink(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    view = memoryview(content)
    try:
        while view:
            view = view[os.write(handle, view) :]
    except OSError:
        os.close(handle)
        raise
    return handle


class Journal:
    def __init__(self, state_dir: str, name: str):
        self.state_dir = state_dir
        self.pending = os.path.join(state_dir, f"{name}.journal")
        self.done = os.path.join(state_dir, f"{name}.done")

    def interrupted(self) -> bool:
        return os.path.exists(self.pending) or os.path.exists(self.done)

    def recover(self) -> bool:
        """Undo or finish what a killed run left; true when files were put back."""
        _unlink(_beside(self.pending, "new"))
        if os.path.exists(self.done):
            self._tidy(_load(self.done))
            return False
        if not os.path.exists(self.pending):
            return False
        self.roll_back()
        return True

    def begin(self, changes: list[Change]) -> None:
        record = {
            "undo": [_undo_of(change) for change in changes if change.what != "rmdir"],
            "empty": [change.path for change in changes if change.what == "rmdir"],
        }
        draft = _beside(self.pending, "new")
        with naming(self.pending):
            try:
                handle = _write(draft, json.dumps(record).encode())
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
                os.rename(draft, self.pending)
                _sync(self.state_dir)
            except OSError:
                _unlink(draft)
                _unlink(self.pending)
                raise

    def apply(self, changes: list[Change]) -> None:
        """Stage everything that needs space before the first file is replaced."""
        for change in _those(changes, "remove"):
            with naming(change.path):
                os.rename(change.path, _beside(change.path, "old"))
        for change in _those(changes, "mkdir"):
            with naming(change.path):
                os.mkdir(change.path, 0o700)
                _set_attributes(change.path, _wanted(change).mode, change.uid, change.gid)
        replaced = _those(changes, "replace")
        _stage(replaced)
        for change in replaced:
            with naming(change.path):
                if change.before.kind != "absent":
                    _keep(change.path)
                os.rename(_beside(change.path, "new"), change.path)
        for change in _those(changes, "attributes"):
            with naming(change.path):
                _set_attributes(change.path, _wanted(change).mode, change.uid, change.gid)

    def commit(self) -> None:
        record = _load(self.pending)
        for folder in {os.path.dirname(step["path"]) for step in record["undo"]}:
            with naming(folder):
                _sync(folder)
        with naming(self.pending):
            os.rename(self.pending, self.done)
            _sync(self.state_dir)
            self._tidy(record)

    def roll_back(self) -> None:
        """Undo every step, the last first; the journal stays while one of them can't be undone."""
        failures = []
        for step in reversed(_load(self.pending)["undo"]):
            try:
                _undo(step)
            except OSError as error:
                failures.append(f"{step['path']} ({error.strerror})")
        if failures:
            raise TreeError(
                f"Could not be put back: {', '.join(failures)}. The former file is beside it as "
                "`.NAME.farol-old`; the next run of this tree tries again."
            )
        os.unlink(self.pending)

    def _tidy(self, record: dict) -> None:
        for step in record["undo"]:
            _unlink(_beside(step["path"], "old"))
        for path in record["empty"]:
            _rmdir(path)
        _unlink(self.done)


def _load(path: str) -> dict:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except ValueError as error:
        raise TreeError(
            f"{path} is damaged ({error}), so the interrupted run can't be undone. Compare "
            "`.NAME.farol-old` files with their successors, then remove it."
        ) from error


def _those(changes: list[Change], what: str) -> list[Change]:
    return [change for change in changes if change.what == what]


def _wanted(change: Change) -> Entry:
    if change.entry is None:
        raise AssertionError(f"{change.path}: only a removal wants nothing")
    return change.entry


def _set_attributes(path: str, mode: int, uid: int | None, gid: int | None) -> None:
    # By handle, because chmod would follow a link that was put there a moment ago.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # The owner first: chown clears the set-user-id bits that chmod sets.
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def _stage(changes: list[Change]) -> None:
    handles: list[tuple[str, int]] = []
    try:
        for change in changes:
            draft, entry = _beside(change.path, "new"), _wanted(change)
            with naming(change.path):
                if entry.kind == "link":
                    _unlink(draft)
                    os.symlink(entry.target, draft)
                    continue
                handle = _write(draft, entry.content)
                handles.append((change.path, handle))
                os.fchown(handle, change.uid, change.gid)
                os.fchmod(handle, entry.mode)
        # Synced together, the first one pays for most of the others.
        for path, handle in handles:
            with naming(path):
                os.fsync(handle)
    finally:
        for _path, handle in handles:
            os.close(handle)


def _keep(path: str) -> None:
    old = _beside(path, "old")
    _unlink(old)
    try:
        os.link(path, old, follow_symlinks=False)
    except OSError:
        os.rename(path, old)


def _undo_of(change: Change) -> dict:
    if change.what == "mkdir":
        return {"path": change.path, "undo": "rmdir"}
    if change.what == "attributes":
        found = change.before
        return {
            "path": change.path,
            "undo": "attributes",
            "mode": found.mode,
            "uid": found.uid,
            "gid": found.gid,
        }
    return {"path": change.path, "undo": "remove" if change.before.kind == "absent" else "restore"}


def _undo(step: dict) -> None:
    """Harmless when the step was never made, or has been undone before."""
    path = step["path"]
    _unlink(_beside(path, "new"))
    if step["undo"] == "remove":
        _unlink(path)
    elif step["undo"] == "rmdir":
        _rmdir(path)
    elif step["undo"] == "attributes":
        with contextlib.suppress(FileNotFoundError):
            _set_attributes(path, step["mode"], step["uid"], step["gid"])
    else:
        _put_back(path)


def _put_back(path: str) -> None:
    old = _beside(path, "old")
    if os.path.lexists(old):
        os.rename(old, path)
        # Renaming one name of an inode to another of its names does nothing at all.
        _unlink(old)
