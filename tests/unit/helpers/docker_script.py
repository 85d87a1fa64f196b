"""A `docker` that is a shell script on PATH, so that real processes run, with what it was given."""

from __future__ import annotations

from pathlib import Path


class DockerScript:
    def __init__(self, folder: Path):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.says("")

    def says(self, body: str) -> None:
        """What it does. C($*) has its arguments, and files may be kept in the current folder."""
        path = self.folder / "docker"
        path.write_text(f'#!/bin/sh\ncd "{self.folder}"\necho "$*" >> calls\n{body}\n')
        path.chmod(0o755)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []
