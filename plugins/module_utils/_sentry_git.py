# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a checkout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError, version_of
from ansible_collections.farol.vps.plugins.module_utils._sentry_commits import LOG, parse_log

Run = Callable[[list[str]], "tuple[int, str, str]"]


class Checkout:
    """A folder with a Git history. C(run) starts a command and gives its status, output and errors."""

    def __init__(self, path: str, run: Run) -> None:
        self.path, self.run = path, run

    def git(self, *arguments: str) -> tuple[int, str, str]:
        return self.run(["git", "-C", self.path, *arguments])

    def find(self, name: str) -> str:
        """The commit that a name stands for, with C(v) before it or without; empty where there is none."""
        for each in (name, f"v{name}"):
            status, output, errors = self.git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{each}^{{commit}}"
            )
            if status == 0:
                return output.strip()
            if "not a git repository" in errors or "dubious ownership" in errors or status == 127:
                raise SentryError(
                    f"git.path: {self.path}: {errors.strip() or 'git is not installed'}"
                )
        return ""

    def commit(self, version: str) -> str:
        """The commit of a version: the version of a release, its tag, a branch, or a commit."""
        found = self.find(version) or self.find(version_of(version))
        if not found:
            raise SentryError(
                f"git.version: {self.path} has no commit {version!r}; fetch it there (git fetch --tags), or name another"
            )
        return found

    def previous(self, name: str, missing_ok: bool) -> str:
        """The commit that the history is to begin after; empty where it may be missing and is."""
        found = self.find(name) or self.find(version_of(name))
        if not found and not missing_ok:
            raise SentryError(
                f"git.previous: {self.path} lacks the commit {name!r} of the release before; fetch the whole history "
                "there (git fetch --unshallow --tags), or set git.ignore_missing to take the last commits instead"
            )
        return found

    def commits(self, last: str, after: str, depth: int, repository: str) -> list[dict[str, Any]]:
        """The commits up to C(last) that C(after) does not have, or C(depth) of them, the newest first."""
        chosen = [f"{after}..{last}"] if after else [f"--max-count={depth}", last]
        status, output, errors = self.git(*LOG, *chosen, "--")
        if status:
            raise SentryError(f"git.path: {self.path}: {errors.strip()}")
        return parse_log(output, repository)
