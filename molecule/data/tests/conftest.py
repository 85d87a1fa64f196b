"""What the tests of the data share: a container on the host, and how it asks PostgreSQL and Redis there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import partial

import pytest
import testinfra

REGISTRY = "172.30.99.4:5000"
CONVERGE = "molecule/data/converge.yml"
# What the inventory of the scenario says.
PASSWORDS = {"app": "demo-only-app", "reporter": "demo-only-reporter"}
REDIS = {"app": "demo-only-redis", "monitoring": "demo-only-monitoring"}
SECRETS = [*PASSWORDS.values(), *REDIS.values(), "r3plica:stream", "demo-only-replication"]


@dataclass(frozen=True)
class Containers:
    """Commands in a container of the host, on a network of its own as an application has it."""

    server: testinfra.host.Host

    def run(self, image: str, command: str, secret: str, *, network: str = "user"):
        return self.server.run(
            f"docker run --rm --network {network} --add-host host.docker.internal:host-gateway "
            f"-v /etc/farol/postgresql/trust:/trust:ro -e PGPASSWORD={secret} -e REDISCLI_AUTH={secret} "
            f"{REGISTRY}/{image} {command}"
        )

    def psql(
        self, query: str, *, user="app", database="app", port=5432, tls="verify-full", secret=None
    ):
        where = (
            f"host=host.docker.internal port={port} user={user} dbname={database} sslmode={tls} "
            "sslrootcert=/trust/ca.crt connect_timeout=5"
        )
        command = f"psql -XAtqc {shlex.quote(query)} {shlex.quote(where)}"
        return self.run("postgres:16", command, secret or PASSWORDS[user])

    def redis(self, command: str, *, user="app", port=6379, secret=None):
        named = f"--user {user}" if user else ""
        return self.run(
            "redis:7",
            f"redis-cli --no-auth-warning -h host.docker.internal -p {port} {named} {command}",
            secret or REDIS.get(user, ""),
        )


@pytest.fixture(scope="module")
def containers(server) -> Containers:
    server.run("docker network create user")
    return Containers(server)


@pytest.fixture(scope="session")
def neighbour() -> testinfra.host.Host:
    return testinfra.get_host("docker://farol-neighbour")


@pytest.fixture(scope="session")
def scan(neighbour):
    """Which of their ports, and SSH's, take a connection from outside at an address."""

    def open_ports(address: str) -> set[int]:
        family = "-6" if ":" in address else ""
        ports = "22,5432,6432,6379,6380"
        said = neighbour.check_output(
            f"nmap {family} -Pn -n -T4 --max-retries 2 -p{ports} -oG - {address}"
        )
        assert "1 host up" in said, said
        return {int(port) for port in re.findall(r"(\d+)/open/tcp", said)}

    return open_ports


@pytest.fixture(scope="session")
def sql():
    return ask


@pytest.fixture(scope="module")
def converge(lab):
    return partial(run_roles, lab)


@pytest.fixture(scope="module")
def fails(lab):
    return partial(run_in_vain, lab)


@pytest.fixture(scope="session")
def secrets() -> list[str]:
    return SECRETS


def ask(host: str, query: str, database: str = "postgres") -> str:
    """What the superuser is told on the host itself."""
    done = subprocess.run(
        [
            "docker",
            "exec",
            host,
            "runuser",
            "-u",
            "postgres",
            "--",
            "psql",
            "-XAtqc",
            query,
            database,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_roles(lab, *options: str, **variables) -> subprocess.CompletedProcess[str]:
    """Run the roles on this host alone."""
    return lab.playbook(CONVERGE, "-e", json.dumps(variables), *options)


def run_in_vain(lab, *options: str, **variables) -> str:
    """Run the roles, which have to fail. What they printed, without the folds of long messages."""
    done = run_roles(lab, *options, **variables)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert not any(secret in text for secret in SECRETS), "a secret was shown"
    return " ".join(text.split())
