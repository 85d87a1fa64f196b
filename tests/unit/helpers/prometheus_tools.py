# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""promtool and amtool. A test that needs them fails without them, it is never skipped."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


@cache
def tool(name: str) -> str:
    """FAROL_PROMETHEUS_TOOLS names a folder with those of another version."""
    folder = os.environ.get("FAROL_PROMETHEUS_TOOLS")
    if not folder:
        found = subprocess.run(
            [PROJECT / "tools/prometheus-tools"], capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stderr
        folder = found.stdout.strip()
    return f"{folder}/{name}"


def run(name: str, *arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [tool(name), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr
