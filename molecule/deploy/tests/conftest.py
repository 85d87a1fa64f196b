"""What the tests of releases share: the application as a visitor sees it, and the ways to change it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from load import Load, Target, json_version

PROJECT = Path(__file__).parents[3]
APPS = PROJECT / "inventories/demo/group_vars/all/apps.yml"
URL = "https://api.farol.test"
PASSWORD = "demo-only-postgres"
STATE = "/var/lib/farol/apps/api"


@dataclass
class Site:
    """The application on one host."""

    lab: object
    outside: object

    def version(self, *options: str) -> str:
        return self.outside.curl(f"{URL}/", *options).json()["version"]

    def deploy(self, version: str, *options: str, playbook: str = "deploy", **variables) -> str:
        """Run the playbook, which has to succeed. What it printed."""
        done = self.start(version, *options, playbook=playbook, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, version: str, *options: str, playbook: str = "deploy", **variables) -> str:
        """Run the playbook, which has to fail. What it printed, without the folds of long messages."""
        done = self.start(version, *options, playbook=playbook, **variables)
        assert done.returncode != 0, done.stdout
        text = done.stdout + done.stderr
        assert PASSWORD not in text, "a secret was shown"
        return " ".join(text.split())

    def start(self, version: str, *options: str, playbook: str = "deploy", **variables):
        given = {"app": "api", **({"version": version} if version else {}), **variables}
        path = f"playbooks/{playbook}.yml"
        return self.lab.playbook(path, "-e", json.dumps(given), *options)

    def rollback(self, **variables) -> str:
        return self.deploy("", playbook="rollback", **variables)

    def step(self) -> str | None:
        """The step that a release is at; None without one."""
        # The first line alone: behind it may be what is left of a longer one, which is just being cut off.
        said = self.lab.inside(f"head -n 1 {STATE}/lock 2>/dev/null")
        return json.loads(said)["step"] if said else None

    def wait_for(self, step: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while self.step() != step:
            assert time.monotonic() < deadline, f"no release came to {step}: {self.step()}"
            time.sleep(0.05)

    def log(self) -> list[dict]:
        lines = self.lab.inside(f"cat {STATE}/releases.jsonl").splitlines()
        return [json.loads(line) for line in lines]

    def containers(self, name: str) -> list[str]:
        listing = (
            f"docker ps --filter label=farol.app=api --filter name={name} --format '{{{{.Names}}}}'"
        )
        return self.lab.inside(listing).split()

    # As many as a machine bears that has another scenario beside this one; the benchmark, which has none, asks ten times as much.
    def load(self, rate: int = 30, websockets: int = 0) -> Load:
        ca = str(PROJECT / f".lab/{self.lab.name}-ca.pem")
        target = Target(self.lab.address, "api.farol.test", ca)
        # Nor is an answer lost that is late because the machine is busy; how late is the benchmark's question as well.
        return Load(target, rate=rate, timeout=30, websockets=websockets, version=json_version)


@pytest.fixture(scope="module", autouse=True)
def turn(request):
    """A module on one host runs beside those on the other, one on both of them (ALONE) beside none."""
    alone = getattr(request.module, "ALONE", False)
    with open(PROJECT / ".lab/deploy.turn", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="module")
def site(lab, outside) -> Site:
    return Site(lab, outside)


@pytest.fixture
def entry() -> dict:
    return yaml.safe_load(APPS.read_text())["apps"][0]


@pytest.fixture
def as_before(site):
    """Whatever the test does, the release that served before serves afterwards, alone and whole, and nothing is locked."""
    before = site.version()
    yield before
    assert site.version() == before
    assert len(site.containers("web")) == 1
    assert len(site.containers("worker")) == 1
    assert site.step() is None


class Background(threading.Thread):
    """Something to do at the same time; its result, or what it raised, at the end."""

    def __init__(self, do, *arguments, **variables):
        super().__init__()
        self._call = (do, arguments, variables)
        self.start()

    def run(self) -> None:
        do, arguments, variables = self._call
        self.answer = None
        try:
            self.answer = do(*arguments, **variables)
        except BaseException as error:  # told where the result is asked for
            self.error = error

    def result(self, seconds: float = 300):
        self.join(seconds)
        if hasattr(self, "error"):
            raise self.error
        return self.answer


@pytest.fixture
def background():
    return Background


@pytest.fixture(scope="session")
def kill_at():
    """Kill the release on a host when it comes to a step."""

    def run(lab, step: str) -> dict:
        command = ["docker", "exec", "-i", lab.name, "python3", "-", "api", step]
        with open(PROJECT / "molecule/kill_at.py") as script:
            done = subprocess.run(
                command, stdin=script, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def push():
    """Have a tag of the lab's registry point to one of the versions there."""

    def run(version: str, tag: str) -> None:
        source, target = (f"127.0.0.1:5055/example-app:{name}" for name in (version, tag))
        for command in (["docker", "tag", source, target], ["docker", "push", "--quiet", target]):
            subprocess.run(command, capture_output=True, check=True)

    return run
