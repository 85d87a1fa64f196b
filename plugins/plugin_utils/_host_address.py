# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The address that a host's visitors reach it at, as far as the controller can know it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

SSH_SECONDS = 10


def host_address(name: str, hostvars: Mapping[str, Any]) -> str:
    """`public_address` of the host, else the name or address that SSH connects to once it has read its configuration.

    Raise ValueError for a host that is reached by way of another one, since its own address tells nothing then.
    """
    variables = hostvars[name]
    if given := variables.get("public_address"):
        return str(given)
    target = str(variables.get("ansible_host") or name)
    known = _configuration(target, variables)
    for way in ("proxyjump", "proxycommand"):
        if known.get(way, "none") != "none":
            raise ValueError(
                f"{name} is reached by way of {known[way]!r}, and what its visitors ask is not known; "
                "set public_address to the address that they reach it at"
            )
    return known.get("hostname", target)


def _configuration(target: str, variables: Mapping[str, Any]) -> dict[str, str]:
    """What `ssh -G` says, by lower-case keyword; nothing where there is no such program."""
    options = " ".join(
        str(variables.get(f"ansible_ssh_{kind}_args") or "") for kind in ("common", "extra")
    )
    try:
        done = subprocess.run(
            ["ssh", "-G", *shlex.split(options), target],
            capture_output=True,
            text=True,
            timeout=SSH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
