"""What every scenario's tests share: its hosts over SSH, and the neighbour that looks at them from outside."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra

PROJECT = Path(__file__).parent.parent
STATE = PROJECT / ".lab"
NEIGHBOUR = "farol-neighbour"


@dataclass(frozen=True)
class Lab:
    """One host of the scenario, as its inventory names it."""

    name: str
    address: str
    address6: str
    inventory: Path

    def login(self, user: str = "root") -> testinfra.host.Host:
        options = f"-o UserKnownHostsFile={STATE}/known_hosts -o BatchMode=yes"
        return testinfra.get_host(
            f"ssh://{user}@{self.address}",
            ssh_identity_file=str(STATE / "id_ed25519"),
            ssh_extra_args=options,
        )

    def playbook(self, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook on this host alone, the way a user would."""
        command = ["ansible-playbook", "-i", self.inventory, "--limit", self.name, PROJECT / path]
        return subprocess.run(
            [*map(str, command), *arguments],
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


def scenario_hosts(inventory: Path) -> list[Lab]:
    listing = subprocess.run(
        ["ansible-inventory", "-i", str(inventory), "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    hosts = json.loads(listing.stdout)["_meta"]["hostvars"]
    return [
        Lab(
            name,
            variables["ansible_host"],
            f"fd99:fa01::{variables['ansible_host'].rpartition('.')[2]}",
            inventory,
        )
        for name, variables in hosts.items()
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lab" in metafunc.fixturenames:
        inventory = Path(metafunc.module.__file__).parent.parent / "inventory"
        hosts = scenario_hosts(inventory)
        metafunc.parametrize("lab", hosts, ids=[host.name for host in hosts], scope="module")


@pytest.fixture(scope="module")
def server(lab: Lab) -> testinfra.host.Host:
    return lab.login()


@pytest.fixture(scope="session")
def neighbour() -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{NEIGHBOUR}")


@pytest.fixture(scope="module")
def ca(lab: Lab) -> str:
    """Path, on the neighbour, of the CA certificate that the play fetched from the host."""
    path = f"/root/{lab.name}-ca.pem"
    subprocess.run(
        ["docker", "cp", f"{STATE}/{lab.name}-ca.pem", f"{NEIGHBOUR}:{path}"], check=True
    )
    return path
