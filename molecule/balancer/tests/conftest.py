"""The balancer as its clients see it, its flags, and the hosts behind it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from load import Load, Target

PROJECT = Path(__file__).parents[3]
DRAINED = "/var/lib/farol/balancer"
DOWN = "/run/farol-balancer"


@dataclass
class Balancer:
    lab: object
    outside: object

    def get(self, path: str = "/echo", *options: str, site: str = "api"):
        return self.outside.curl(f"https://{site}.farol.test{path}", *options)

    def host(self, *options: str, site: str = "api") -> str:
        """Who answers."""
        return self.get("/echo", *options, site=site).json()["name"]

    def drain(self, host: str, site: str = "api") -> None:
        self.lab.inside(f"touch {DRAINED}/{site}/out-{host}")

    def put_back(self, host: str, site: str = "api") -> None:
        self.lab.inside(f"rm {DRAINED}/{site}/out-{host}")

    def flags(self) -> list[str]:
        return self.lab.inside(f"ls {DRAINED}/api; ls {DOWN}/api 2>/dev/null").split()

    def nginx(self) -> str:
        """Its processes, which a reload would change; others come and go by themselves."""
        return self.lab.inside("pgrep -f 'nginx: (master|worker)'")

    def now(self) -> str:
        return self.lab.inside("date +%s")

    def said(self, since: str) -> list[str]:
        """What the service that watches the hosts has told of the site."""
        journal = f"journalctl --unit farol-balancer --since @{since} --output cat"
        return [line for line in self.lab.inside(journal).splitlines() if line.startswith("api: ")]

    def play(self, playbook: str, **variables) -> subprocess.CompletedProcess[str]:
        return self.lab.playbook(f"playbooks/{playbook}.yml", "-e", json.dumps(variables))

    # An answer that is late because the machine is busy is not lost.
    def load(
        self, rate: int = 30, kinds: tuple[str, ...] = ("get", "close"), timeout: float = 30
    ) -> Load:
        ca = str(PROJECT / f".lab/{self.lab.name}-ca.pem")
        target = Target(self.lab.address, "api.farol.test", ca)
        posts = {"post": "/", "expect_post": 200}
        return Load(
            target, rate=rate, kinds=kinds, path="/echo", timeout=timeout, version=name, **posts
        )

    @staticmethod
    def on(host: str, command: str) -> str:
        """What a host behind the balancer says to a command."""
        docker = ["docker", "exec", host, "sh", "-c", command]
        return subprocess.run(docker, capture_output=True, check=True, text=True).stdout.strip()

    @staticmethod
    def until(condition: Callable[[], bool], seconds: float = 60) -> float:
        """How long that took."""
        start = time.monotonic()
        while not condition():
            assert time.monotonic() < start + seconds, f"not within {seconds} s"
            time.sleep(0.1)
        return time.monotonic() - start


def name(body: bytes) -> str | None:
    return json.loads(body).get("name")


@pytest.fixture(scope="module")
def balancer(lab, outside) -> Balancer:
    return Balancer(lab, outside)


@pytest.fixture
def as_before(balancer):
    """Whatever the test does, both hosts serve afterwards."""
    yield
    balancer.until(lambda: balancer.flags() == [])
    assert {balancer.host() for _ in range(6)} == {"balancer-a", "balancer-b"}
