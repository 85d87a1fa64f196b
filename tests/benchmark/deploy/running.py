"""Playbooks and what their module says, the host itself, and what a visitor gets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from load import Connection, Target
from playbook import HERE, PROJECT

HOST, ADDRESS, NAME = "bench-noble", "172.30.99.100", "api.farol.test"
OTHER = {"1.0.0": "1.1.0", "1.1.0": "1.0.0"}
BAKE = 3


@dataclass(frozen=True)
class Run:
    """A playbook that was run, and what its module said."""

    code: int
    seconds: float
    results: list[dict[str, Any]]
    output: str

    @property
    def steps(self) -> dict[str, float]:
        """The module's steps with their seconds, in their order; none where it was killed."""
        taken = self.results[-1]["steps"] if self.results else []
        return {step["step"]: step["seconds"] for step in taken}

    @property
    def found(self) -> list[str]:
        """What the module says that an earlier run has left."""
        return [text for result in self.results for text in result.get("found", [])]

    @property
    def switched(self) -> bool:
        return "flip" in self.steps

    @property
    def to_live(self) -> float:
        """Seconds of the steps up to the one that switches."""
        names = list(self.steps)
        return sum(self.steps[name] for name in names[: names.index("flip") + 1])


def deploy(version: str, **options: object) -> Run:
    return run(playbook("deploy.yml", version=version, **{"app_bake_seconds": BAKE, **options}))


def rollback(**options: object) -> Run:
    return run(playbook("rollback.yml", **{"app_bake_seconds": BAKE, **options}))


def playbook(name: str, **options: object) -> list[str]:
    command = [
        "ansible-playbook",
        "--inventory",
        str(HERE / "inventory"),
        str(PROJECT / "playbooks" / name),
    ]
    return [*command, "--extra-vars", json.dumps({"app": "api", **options})]


def run(command: list[str]) -> Run:
    shown = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    start = time.monotonic()
    ran = subprocess.run(
        command, env=os.environ | shown, capture_output=True, text=True, timeout=300
    )
    seconds = time.monotonic() - start
    try:
        plays = json.JSONDecoder().raw_decode(ran.stdout, ran.stdout.index("{"))[0]["plays"]
    except ValueError:
        plays = []
    results = [task["hosts"].get(HOST, {}) for each in plays for task in each["tasks"]]
    messages = [str(result.get("msg")) for result in results if result.get("failed")]
    said = [result for result in results if "steps" in result]
    return Run(ran.returncode, seconds, said, "\n".join(messages) or ran.stderr)


def on_host(what: str, *arguments: str) -> Any:
    command = ["docker", "exec", "--interactive", HOST, "python3", "-", what, *arguments]
    with (HERE / "deploy/on_host.py").open() as script:
        ran = subprocess.run(
            command, stdin=script, stdout=subprocess.PIPE, text=True, timeout=180, check=True
        )
    return json.loads(ran.stdout)


def wait_for_step(step: str) -> None:
    command = ["docker", "exec", HOST, "cat", "/var/lib/farol/apps/api/lock"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        if f'"step": "{step}"' in seen:
            return
        time.sleep(0.2)
    raise SystemExit(f"benchmark: the release did not come to its {step}")


def target(port: int) -> Target:
    return Target(ADDRESS, NAME, str(PROJECT / f".lab/{HOST}-ca.pem"), port)


def answering(port: int = 443) -> str:
    """The version that a visitor gets."""

    async def ask() -> bytes:
        connection = await Connection.open(target(port), target(port).tls())
        try:
            return (await connection.ask(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()))[1]
        finally:
            connection.close()

    return json.loads(asyncio.run(ask()))["version"]


def other(port: int = 443) -> str:
    return OTHER[answering(port)]


def say(what: str) -> None:
    print(f"benchmark: {what}", file=sys.stderr, flush=True)
