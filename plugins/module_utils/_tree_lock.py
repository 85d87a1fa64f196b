# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One config_tree run at a time on a host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from ansible_collections.farol.vps.plugins.module_utils._tree_journal import naming
from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError

LOCK_SECONDS = 30.0


@contextlib.contextmanager
def locked(state_dir: str):
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
