"""inventories/cluster after one run of site.yml, from outside and from one host to another; then with one host more."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import testinfra
from conftest import NEIGHBOUR, Outside, scenario_hosts
from load import Load, Target
from project_commands import PROJECT, run
from watch import Watcher, until

ONLY = "edge"  # the balancer, which visitors see
pytestmark = pytest.mark.usefixtures("lab")  # all in the order in which they stand here
INVENTORY = Path(__file__).parents[1] / "inventory"
CA = str(INVENTORY / ".ca/edge.pem")
URL = "https://api.example.com"
APPLICATIONS = {"app-1", "app-2"}
HOSTS = {"edge", "db-1", "db-2", "watch", *APPLICATIONS}
LINE = "        app-2: {ansible_host: 172.30.99.162, lab_suite: trixie}\n"
MORE = "        app-3: {ansible_host: 172.30.99.163, lab_suite: noble}\n"


@pytest.fixture(scope="module")
def outside(lab) -> Outside:
    """The neighbour, with the certificate of the balancer's own authority."""
    ca = f"/root/{lab.name}-ca.pem"
    subprocess.run(["docker", "cp", CA, f"{NEIGHBOUR}:{ca}"], check=True)
    return Outside(lab, testinfra.get_host(f"docker://{NEIGHBOUR}"), ca)


def on(host: str, command: str) -> str:
    return testinfra.get_host(f"docker://{host}").check_output(command)


def play(playbook: str, *arguments: str, inventory: Path = INVENTORY) -> str:
    done = run("ansible-playbook", "-i", inventory, f"playbooks/{playbook}.yml", *arguments)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def recap(text: str, host: str) -> dict[str, int]:
    (line,) = re.findall(rf"^{host} +: (.*)", text, flags=re.MULTILINE)
    return {name: int(count) for name, count in (word.split("=") for word in line.split())}


def answering(outside, hosts: set[str]) -> set[str]:
    """Which of the hosts a visitor's requests come to."""
    marker = uuid.uuid4().hex
    for _ in range(12):
        assert outside.curl(f"{URL}/health/ready?{marker}").status == 200
    count = f"grep -c {marker} /var/log/nginx/access.log || true"
    return {host for host in hosts if int(on(host, count))}


def watched() -> dict[str, set[str]]:
    """The hosts that Prometheus asks, by whether all of their targets answer."""
    found: dict[str, set[str]] = {"0": set(), "1": set()}
    for series in Watcher(testinfra.get_host("docker://watch")).query("up"):
        if host := series["metric"].get("host"):
            found[series["value"][1]].add(host)
    return found


def test_visitors_come_to_both_hosts(outside):
    assert answering(outside, APPLICATIONS) == APPLICATIONS


def test_what_a_visitor_sends_is_in_the_replica_with_its_request_id(outside):
    order = "-X POST -H 'content-type: application/json' -d '{\"order\": 7}'"
    queued = outside.curl(f"{URL}/webhooks/shop", order).json()
    query = f"select request_id from webhook_jobs where id = '{queued['job_id']}'"
    look = f'cd /; runuser -u postgres -- psql -XAtc "{query}" api'
    assert until(lambda: on("db-2", look), 20, "the row") == queued["request_id"]


def test_one_host_alone_has_the_scheduler():
    services = {host: on(host, "docker ps --format '{{.Names}}'") for host in APPLICATIONS}
    assert "scheduler" in services["app-1"] and "worker" in services["app-1"]
    assert "scheduler" not in services["app-2"] and "worker" in services["app-2"]


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_a_stranger_finds_ssh_and_the_balancer(outside, host):
    (address,) = (each.address for each in scenario_hosts(INVENTORY) if each.name == host)
    assert outside.open_ports(address=address) == ({22, 80, 443} if host == "edge" else {22})


def test_all_hosts_are_watched():
    until(lambda: watched() == {"0": set(), "1": HOSTS}, 60, "all targets of all hosts")


def test_the_database_can_be_backed_up():
    assert "spaces" in play("backup", "--limit", "db-1", "-e", "source=main")


def test_the_whole_passes_the_look_from_outside():
    assert ", 0 failed" in play("verify")


def test_a_release_reaches_both_hosts_and_loses_no_request(lab, outside):
    with Load(Target(lab.address, "api.example.com", CA), rate=60, timeout=30) as load:
        play("deploy", "-e", "app=api", "-e", "version=1.1.0")
    report = load.report()
    assert report["hard"] == report["reset"] == 0, report
    images = {host: on(host, "docker ps --format '{{.Image}}'") for host in APPLICATIONS}
    assert all("api:1.1.0" in text and "api:1.0.0" not in text for text in images.values()), images


@pytest.fixture
def grown(tmp_path):
    """The inventory with one line more, and the bare host that this line names."""
    copy = tmp_path / "cluster"
    shutil.copytree(INVENTORY, copy)
    hosts = copy / "hosts.yml"
    assert hosts.read_text().count(LINE) == 1
    hosts.write_text(hosts.read_text().replace(LINE, LINE + MORE))
    # What was released stands in the inventory, as deploy.yml's user is told.
    apps = copy / "group_vars/applications/main.yml"
    apps.write_text(apps.read_text().replace('version: "1.0.0"', 'version: "1.1.0"'))
    lab_host = str(PROJECT / "molecule/lab/host")
    subprocess.run([lab_host, "create", "app-3", "noble", "172.30.99.163"], check=True)
    yield copy
    subprocess.run([lab_host, "destroy", "app-3"], check=True)


def test_another_host_of_the_application_is_one_line(lab, outside, grown):
    foretold = play("site", "--check", "--diff", "--limit", "edge,app-3", inventory=grown)
    assert recap(foretold, "app-3")["changed"] > 10 and recap(foretold, "edge")["changed"] > 0
    with Load(Target(lab.address, "api.example.com", CA), rate=20, timeout=30) as load:
        joined = play("site", inventory=grown)
    report = load.report()
    assert report["hard"] == report["reset"] == 0, report
    assert all(recap(joined, host)["changed"] == 0 for host in APPLICATIONS)
    everyone = APPLICATIONS | {"app-3"}
    assert answering(outside, everyone) == everyone
    until(lambda: watched() == {"0": set(), "1": HOSTS | {"app-3"}}, 60, "the targets of app-3")
