# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SCRAM verifiers, made where the passwords are, so that these never reach the host.

A verifier is what PostgreSQL stores: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5802, RFC 7677).
It is salted, so the one that is there is kept as long as the password fits it.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from hashlib import pbkdf2_hmac, sha256
from hmac import compare_digest, digest
from os import urandom

ITERATIONS = 4096
VERIFIER = re.compile(
    r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Of a password in ASCII, which SASLprep leaves as it is."""
    salted = pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = sha256(digest(salted, b"Client Key", "sha256")).digest()
    server = digest(salted, b"Server Key", "sha256")
    coded = [b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{coded[0]}${coded[1]}:{coded[2]}"


def fits(password: str, found: str | None) -> bool:
    match = VERIFIER.fullmatch(found or "")
    if not match:
        return False
    made = verifier(password, b64decode(match[2]), int(match[1]))
    return compare_digest(made, match[0])


def verifiers(
    passwords: Mapping[str, str],
    found: Mapping[str, str | None],
    random: Callable[[int], bytes] = urandom,
) -> dict[str, str]:
    """The verifier of each user: the one that was found where the password fits it, else a new one."""
    return {
        user: str(found[user])
        if fits(password, found.get(user))
        else verifier(password, random(16))
        for user, password in passwords.items()
    }
