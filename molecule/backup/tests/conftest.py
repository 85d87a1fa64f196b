"""What the tests of backups share: the host's sources, its storage, and ways to spoil both."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

PROJECT = Path(__file__).parents[3]
VAULT = PROJECT / "molecule/backup/inventory/group_vars/all/vault.yml"
SECRETS = list(yaml.safe_load(VAULT.read_text()).values())
STORE = "/srv/s3/farol/farol"


@dataclass
class Place:
    """One host with what it backs up."""

    lab: object

    @property
    def name(self) -> str:
        return self.lab.name

    def run(self, command: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["docker", "exec", self.name, "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        for secret in SECRETS:
            assert secret not in done.stdout + done.stderr, "a secret was shown"
        return done

    def good(self, command: str) -> str:
        done = self.run(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def bad(self, command: str) -> str:
        """Run what has to fail. What it said, on one line."""
        done = self.run(command)
        assert done.returncode != 0, done.stdout
        return " ".join((done.stdout + done.stderr).split())

    def sql(self, query: str, database: str = "live") -> str:
        return self.good(
            f"cd / && runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d {database} -c {shlex.quote(query)}"
        )

    def backup(self, source: str) -> None:
        self.good(
            f"systemctl start farol-backup@{source} || journalctl -u farol-backup@{source} -n 20 | grep -v ^$ | tail -5 && "
            f"systemctl show -p Result farol-backup@{source} | grep -q success"
        )

    def backed_up(self, *sources: str) -> None:
        """Have each backed up, which the role begins by itself, or a test before this one has seen to."""
        for source in sources:
            self.until(f"! systemctl is-active farol-backup@{source} | grep -q activating", 120)
            places = [self.metric("farol_backup_success", source, r) for r in ("storage", "disk")]
            if places != [1, 1]:
                self.backup(source)

    def fails(self, unit: str) -> str:
        """Start a unit that has to fail. What its journal says of this run."""
        since = self.good("date +%s.%N")
        assert self.run(f"systemctl start {unit}").returncode != 0
        self.good("journalctl --sync || true")
        text = self.good(f"journalctl -u {unit} --since=@{since} --output=cat")
        self.good(f"systemctl reset-failed {unit} || true")
        return " ".join(text.split())

    def info(self, source: str = "") -> dict:
        return json.loads(self.good(f"farol-backup info {source} --json"))

    def ids(self, source: str, repository: str = "storage") -> list[str]:
        return [
            backup["id"]
            for backup in self.info(source)["backups"]
            if backup["repository"] == repository and backup["complete"]
        ]

    def metric(self, name: str, source: str, repository: str = "") -> float | None:
        lines = self.good(
            f"cat /var/lib/prometheus/node-exporter/farol_backup_{source}.prom || true"
        ).splitlines()
        where = f',repository="{repository}"' if repository else ""
        for line in lines:
            if line.startswith(f'{name}{{source="{source}"{where}}}'):
                return float(line.split()[-1])
        return None

    def playbook(self, name: str, **variables) -> subprocess.CompletedProcess[str]:
        done = self.lab.playbook(
            f"playbooks/{name}.yml", "--diff", "-v", "-e", json.dumps(variables)
        )
        for secret in SECRETS:
            assert secret not in done.stdout + done.stderr, "a secret was shown"
        return done

    def converge(self, **variables) -> subprocess.CompletedProcess[str]:
        done = self.lab.playbook(
            "molecule/backup/converge.yml", "--diff", "-e", json.dumps(variables)
        )
        for secret in SECRETS:
            assert secret not in done.stdout + done.stderr, "a secret was shown"
        return done

    def config(self) -> dict:
        return json.loads(self.good_secret("cat /etc/farol/backup.json"))

    def repositories(self) -> list[dict]:
        return self.config()["repositories"]

    def put(self, path: str, text: str) -> None:
        command = ["docker", "exec", "-i", self.name, "sh", "-c", f"cat >{path}"]
        subprocess.run(command, input=text, text=True, check=True)

    def good_secret(self, command: str) -> str:
        return self.lab.inside(command)

    def archived(self, seconds: float = 60) -> None:
        """Write something, and wait until all WAL so far is in the archive."""
        # A switch with nothing written since the last one does nothing, and nothing would be archived.
        self.sql("select pg_create_restore_point('archived')", "postgres")
        segment = self.sql("select pg_walfile_name(pg_switch_wal() - 1)", "postgres")
        deadline = time.monotonic() + seconds
        while (
            self.sql("select coalesce(last_archived_wal, '') from pg_stat_archiver", "postgres")
            < segment
        ):
            assert time.monotonic() < deadline, "WAL does not reach the archive"
            time.sleep(0.3)

    def kill_when(self, condition: str, unit: str) -> None:
        """SIGKILL as soon as the condition is true, which may not be for long: the host itself looks for it."""
        kill = f"systemctl kill --signal=KILL {unit}"
        look = f"if {condition} >/dev/null; then {kill}; exit; fi; sleep 0.02"
        self.good(f"for attempt in $(seq 2000); do {look}; done; exit 1")

    def until(self, command: str, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        while True:
            done = self.run(command)
            if done.returncode == 0:
                return done.stdout.strip()
            assert time.monotonic() < deadline, f"{command}: {done.stdout}{done.stderr}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def place(lab) -> Place:
    return Place(lab)


@pytest.fixture(scope="session")
def secrets() -> list[str]:
    """The vault's, and the password as it stands in a URL."""
    return [*SECRETS, quote(SECRETS[2], safe="")]


@dataclass
class Storage:
    """An S3-compatible storage, from inside."""

    container: str = "farol-s3"

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["docker", "exec", self.container, "sh", "-c", command],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def down(self) -> None:
        self.run("touch /srv/down; kill $(cat /srv/pid)")

    def up(self) -> None:
        self.run("rm -f /srv/down")
        self.answers()

    def answers(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                self.run("bash -c '</dev/tcp/127.0.0.1/443'")
                return
            except subprocess.CalledProcessError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


@pytest.fixture(scope="session")
def storage() -> Storage:
    return Storage()


@pytest.fixture(scope="module")
def own_storage(place) -> Iterator[Storage]:
    """A storage of this host's own, which goes down and fills up while the other host's tests go on."""
    found = Storage("backup-storage")
    docker("rm", "-fv", found.container)
    docker(
        *("run", "-d", "--name", found.container, "--label", "farol-lab"),
        *("--network", "farol-lab", "--ip", "172.30.99.77", "--tmpfs", "/srv/s3:size=400m"),
        "farol-lab/s3:noble",
    )
    place.good("echo '172.30.99.77 s3.farol.test' >>/etc/hosts")
    found.answers()
    yield found
    place.good("grep -v s3.farol.test /etc/hosts >/run/hosts; cat /run/hosts >/etc/hosts")
    docker("rm", "-fv", found.container)


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], capture_output=True, check=arguments[0] != "rm")
