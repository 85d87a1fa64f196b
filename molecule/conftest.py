"""What every scenario's tests share: its hosts over SSH, and the neighbour that looks at them from outside."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from runner.processes import end_family, new_mark
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).parent.parent
STATE = PROJECT / ".lab"
NEIGHBOUR = "farol-neighbour"
INSIDE, PLAYBOOK = 330, 900  # seconds


@dataclass(frozen=True)
class Lab:
    """One host of the scenario, as its inventory names it."""

    name: str
    address: str
    address6: str
    inventory: Path
    user: str = "root"

    def login(self, user: str = "", become: bool = False) -> testinfra.host.Host:
        """As the inventory's user, or another; `become` root by sudo."""
        # One connection for all commands: the firewall limits how often an address may open one.
        options = (
            f"-o UserKnownHostsFile={STATE}/known_hosts -o BatchMode=yes -o ControlPath={STATE}/%C "
            "-o ServerAliveInterval=10 -o ServerAliveCountMax=6"
        )
        return testinfra.get_host(
            f"ssh://{user or self.user}@{self.address}",
            sudo=become,
            ssh_identity_file=str(STATE / "id_ed25519"),
            ssh_extra_args=options,
        )

    def inside(self, command: str) -> str:
        """What the host says without asking its network."""
        done = subprocess.run(
            ["docker", "exec", self.name, "sh", "-c", command],
            capture_output=True,
            text=True,
            timeout=INSIDE,
            check=False,
        )
        return done.stdout.strip()

    def forget_connections(self) -> None:
        """UFW lets an address in six times within 30 s; some tests log in more often than that."""
        self.inside("for list in /proc/net/xt_recent/*; do echo / > $list; done")

    def playbook(self, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook on this host alone, the way a user would. One that takes too long ends with all of its workers."""
        mark = new_mark()
        command = ["ansible-playbook", "-i", self.inventory, "--limit", self.name, PROJECT / path]
        try:
            return subprocess.run(
                [*map(str, command), *arguments],
                env={
                    **os.environ,
                    "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                    "ANSIBLE_FORCE_COLOR": "0",
                    "ANSIBLE_NOCOLOR": "1",
                    mark: "1",
                },
                capture_output=True,
                text=True,
                timeout=PLAYBOOK,
                check=False,
            )
        except subprocess.TimeoutExpired:
            end_family(mark)
            raise


@functools.cache
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
            variables.get("ansible_user", "root"),
        )
        for name, variables in hosts.items()
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lab" in metafunc.fixturenames:
        hosts = scenario_hosts(Path(metafunc.module.__file__).parent.parent / "inventory")
        # A module that takes its time may name the one host to take it on,
        # or a test the ones to take it on.
        only = metafunc.definition.get_closest_marker("only_on")
        names = only.args if only else (getattr(metafunc.module, "ONLY", ""),)
        hosts = [host for host in hosts if any(name in host.name for name in names)]
        metafunc.parametrize("lab", hosts, ids=[host.name for host in hosts], scope="module")


class ByHost(LoadScopeScheduling):
    """All tests of a host in one process, for scenarios that have two hosts tested at a time (pytest -n 2)."""

    def _split_scope(self, nodeid: str) -> str:
        return re.sub(r".*\[([a-z0-9]+-[a-z0-9]+).*", r"\1", nodeid, flags=re.DOTALL)


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> ByHost:
    return ByHost(config, log)


@pytest.fixture(scope="module")
def server(lab: Lab) -> testinfra.host.Host:
    """A shell that is root's."""
    return lab.login(become=lab.user != "root")


@dataclass(frozen=True)
class Outside:
    """Another machine, which looks at a host as the internet would."""

    lab: Lab
    shell: testinfra.host.Host
    ca: str

    def open_ports(self, ports: str = "-p-", address: str | None = None) -> set[int]:
        """TCP ports that take a connection."""
        address = address or self.lab.address
        family = "-6" if ":" in address else ""
        scan = self.shell.check_output(
            f"nmap {family} -Pn -n -T4 --min-rate 10000 --max-retries 2 {ports} -oG - {address}"
        )
        assert "1 host up" in scan, scan
        return {int(port) for port in re.findall(r"(\d+)/open/tcp", scan)}

    def handshake(self, name: str, *options: str) -> testinfra.backend.base.CommandResult:
        """What `openssl s_client` says of a TLS handshake for a name."""
        return self.shell.run(
            f"openssl s_client -connect {self.lab.address}:443 -servername {name} "
            f"-CAfile {self.ca} {' '.join(options)} </dev/null"
        )

    def curl(self, url: str, *options: str) -> Response:
        name = url.split("/")[2]
        known = " ".join(f"--resolve {name}:{port}:{self.lab.address}" for port in (80, 443))
        answer = self.shell.run(
            f"curl -sS -i --max-time 60 --cacert {self.ca} {known} {' '.join(options)} {url}"
        )
        assert answer.rc == 0, answer.stderr
        head, _, body = answer.stdout.replace("\r", "").partition("\n\n")
        status, *headers = head.splitlines()
        pairs = (line.split(": ", 1) for line in headers)
        return Response(int(status.split()[1]), {key.lower(): value for key, value in pairs}, body)


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> dict:
        return json.loads(self.body)


@pytest.fixture(scope="module")
def outside(lab: Lab) -> Outside:
    """The neighbour, with the CA certificate that the play fetched from the host."""
    ca = f"/root/{lab.name}-ca.pem"
    subprocess.run(["docker", "cp", f"{STATE}/{lab.name}-ca.pem", f"{NEIGHBOUR}:{ca}"], check=True)
    return Outside(lab, testinfra.get_host(f"docker://{NEIGHBOUR}"), ca)
