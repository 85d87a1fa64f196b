# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a command that an option names, and tell its failure so that it can be acted upon."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError

# Runs a command without a shell; gives its exit code, output and error output.
Execute = Callable[[str], tuple]


def call(option: str, command: str, execute: Execute, remedy: str) -> None:
    try:
        code, stdout, stderr = execute(command)
    except OSError as error:
        raise TreeError(
            f"{option}: cannot run {command!r}: {error.strerror}. "
            f"Install the command first, or correct `{option}`.",
            cmd=command,
        ) from error
    if code:
        seen = stderr.strip() or stdout.strip() or "it printed nothing"
        raise TreeError(
            f"{option}: {command!r} failed with code {code}: {seen}\n{remedy}",
            cmd=command,
            rc=code,
            stdout=stdout,
            stderr=stderr,
        )
