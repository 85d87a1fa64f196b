# SPDX-License-Identifier: GPL-3.0-or-later
"""What each scenario depends on, and for which content of that it has passed.

`molecule/NAME/paths` holds Git's pathspecs, one a line. `molecule/proven.tsv` holds the last green run of each scenario: its name,
the digest of the files that those paths matched, seconds, and the day (UTC).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path


@dataclass(frozen=True)
class Proof:
    """A green run."""

    digest: str
    seconds: int
    day: str


class Proofs:
    """Those of a checkout."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.file = project / "molecule/proven.tsv"

    def paths(self, scenario: str) -> list[str]:
        return (self.project / "molecule" / scenario / "paths").read_text().splitlines()

    def digest(self, scenario: str) -> str:
        """Of names, kinds and contents as they are now, committed or not."""
        total = hashlib.sha256()
        for name in self._files("--cached", "--others", paths=self.paths(scenario)):
            path = self.project / name
            if path.is_symlink():
                content = b"link " + os.readlink(path).encode()
            elif path.is_file():
                kind = b"program " if os.access(path, os.X_OK) else b"file "
                content = kind + path.read_bytes()
            else:
                continue  # removed, and the index does not know
            total.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        return total.hexdigest()

    def changed(self, revision: str, scenarios: Iterable[str]) -> list[str]:
        """The scenarios that a change since the revision touches; a file that Git does not know yet counts, too."""
        return [name for name in scenarios if self._touched(revision, self.paths(name))]

    def read(self) -> dict[str, Proof]:
        if not self.file.exists():
            return {}
        rows = (line.split("\t") for line in self.file.read_text().splitlines())
        return {name: Proof(digest, int(seconds), day) for name, digest, seconds, day in rows}

    def write(self, scenario: str, digest: str, seconds: float) -> None:
        proofs = self.read()
        proofs[scenario] = Proof(digest, round(seconds), f"{datetime.now(timezone.utc):%F}")
        self.file.write_text(
            "".join(
                f"{name}\t{proof.digest}\t{proof.seconds}\t{proof.day}\n"
                for name, proof in sorted(proofs.items())
            )
        )

    def state(self, scenario: str) -> str:
        proof = self.read().get(scenario)
        if proof is None:
            return "not proven: it has no green run on record"
        if proof.digest != self.digest(scenario):
            return f"not proven: what it depends on has changed since {proof.day}"
        return f"proven on {proof.day} in {proof.seconds} s"

    def summary(self, scenarios: Iterable[str]) -> str:
        """Two lines: which are proven for what is there now, and which are not."""
        states = {name: self.state(name).startswith("proven") for name in scenarios}
        proven = [name for name, good in states.items() if good]
        rest = [name for name, good in states.items() if not good]
        return f"proven: {', '.join(proven) or 'none'}\nnot proven: {', '.join(rest) or 'none'}"

    def _touched(self, revision: str, paths: list[str]) -> bool:
        return bool(
            self._git("diff", "--name-only", revision, "--", *paths)
            or self._files("--others", paths=paths)
        )

    def _files(self, *kinds: str, paths: list[str]) -> list[str]:
        listed = self._git("ls-files", "-z", "--exclude-standard", *kinds, "--", *paths)
        return sorted(set(filter(None, listed.split("\0"))))

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.project, check=True, capture_output=True, text=True
        ).stdout
