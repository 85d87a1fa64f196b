# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every job template, run in the execution environment against a host."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from awx_objects import VALUES, apply, for_awx
from jinja2 import Template

sys.path.insert(0, str(Path(__file__).parent))
from awx_job import PROJECT, Runner  # noqa: E402

STATE = PROJECT / ".lab"
INVENTORY = Path(__file__).parents[1] / "inventory"

# In this order: what a job needs is there after those before it. Templates, answers, how it ends and what it says.
JOBS = [
    ("farol site", {}, "successful", "https://api.farol.test"),
    ("farol verify", {}, "successful", ", 0 failed"),
    ("farol deploy", {"app": "api", "version": "1.0.1"}, "successful", "changed=1"),
    ("farol releases", {"app": "api"}, "successful", "1.0.1"),
    ("farol maintenance", {"app": "api", "maintenance": "true"}, "successful", "changed=1"),
    ("farol maintenance", {"app": "api", "maintenance": "false"}, "successful", "changed=1"),
    ("farol rollback", {"app": "api"}, "successful", "api serves 1.0.0"),
    ("farol deploy", {"app": "{{ 7 * 7 }}"}, "failed", "{{ 7 * 7 }}"),
    ("farol deploy", {"app": "api", "version": "1.0.1", "canary": "some"}, "failed", "canary"),
    (
        "farol drain",
        {"site": "api", "host": "b", "out": "true"},
        "failed",
        "no host of this inventory has a site api with b",
    ),
    ("farol promote", {"promote": "db-2"}, "failed", "name the replica"),
    ("farol restore", {"source": "main", "confirm": "mian"}, "failed", "nothing was changed"),
    ("farol load test", {}, "successful", "failed=0"),
    ("farol audit", {}, "successful", "Lynis"),
    ("farol backup", {"only": "info"}, "failed", "run the role backup first"),
    ("farol restore drill", {}, "failed", "run the role backup first"),
    ("farol fire drill", {}, "failed", "told: nobody"),
]


TOKEN = "a-token-that-no-log-has"


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    run, written = apply(tmp_path_factory.mktemp("objects"), VALUES)
    assert run.returncode == 0, run.stdout
    return for_awx(json.loads(written.read_text()))


@pytest.fixture(scope="module")
def templates(objects):
    return {item["name"]: item for item in objects["controller_templates"]}


@pytest.fixture(scope="module")
def injected(objects):
    """What a credential of the type for Sentry gives a job."""
    kind = next(it for it in objects["controller_credential_types"] if it["name"] == "farol Sentry")
    inputs = {"url": "https://sentry.example.com", "organization": "acme", "token": TOKEN}
    return {
        where: {name: Template(text).render(inputs) for name, text in values.items()}
        for where, values in kind["injectors"].items()
    }


@pytest.fixture(scope="module")
def runner(tmp_path_factory, injected):
    listing = subprocess.run(
        ["ansible-inventory", "-i", INVENTORY, "--list"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    hosts = json.loads(listing.stdout)
    for values in hosts["_meta"]["hostvars"].values():
        values |= {
            "ansible_user": "root",
            "hardening_authorized_keys": [(STATE / "id_ed25519.pub").read_text().strip()],
            "docker_daemon_options": {"insecure-registries": ["172.30.99.4:5000"]},
            "nginx_ca_fetch_to": "/var/lib/farol/{{ inventory_hostname }}.pem",
            "hardening_fail2ban_ignore": ["172.30.99.0/24"],
            "app_bake_seconds": 2,
            "firewall_ssh_action": "allow",  # each job has connections of its own
        }
        values["apps"][0]["secrets"]["SENTRY_TOKEN"] = "{{ vault_sentry_token }}"
    key = (STATE / "id_ed25519").read_text()
    return Runner(tmp_path_factory.mktemp("runner"), hosts, key, injected)


@pytest.mark.parametrize(
    ("name", "answers", "status", "says"), JOBS, ids=lambda it: it if isinstance(it, str) else ""
)
def test_job(runner, templates, name, answers, status, says):
    job = runner.run(templates[name], answers)
    assert job.status == status, job.stdout[-4000:]
    assert says in job.stdout, job.stdout[-4000:]
    assert TOKEN not in job.stdout


def test_the_application_has_what_the_credential_gave():
    look = "docker exec $(docker ps --quiet --filter name=api-.*-web | head -n 1) printenv SENTRY_TOKEN"
    run = subprocess.run(
        ["docker", "exec", "awx-noble", "sh", "-c", look],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == TOKEN, run.stderr


def test_a_release_can_be_predicted(runner, templates):
    job = runner.run(templates["farol deploy"], {"app": "api", "version": "1.0.1"}, check=True)
    assert job.status == "successful", job.stdout[-4000:]


def test_a_job_without_its_key_says_so(runner, templates):
    job = runner.run(templates["farol releases"], {}, key=None)
    assert job.status == "failed"
    assert "Permission denied" in job.stdout, job.stdout


def test_a_job_that_is_killed_and_started_again_gets_through(runner, templates):
    job = runner.start(templates["farol deploy"], {"app": "api", "version": "1.1.0"})
    host = ["docker", "exec", "awx-noble"]
    lock = "grep -qs . /var/lib/farol/apps/api/lock"
    for _ in range(1200):
        if subprocess.run([*host, "sh", "-c", lock], check=False).returncode == 0:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the release never began")
    job.kill()
    # What the lost job had begun on the host ends by itself; until then the next one says so and changes nothing.
    for _ in range(10):
        again = runner.run(templates["farol deploy"], {"app": "api", "version": "1.1.0"})
        if again.status == "successful":
            break
        assert "wait for it to end and run this again" in again.stdout, again.stdout[-4000:]
    assert again.status == "successful", again.stdout[-4000:]
    look = runner.run(templates["farol verify"], {})
    assert look.status == "successful", look.stdout[-4000:]


def test_every_job_template_was_run(templates):
    assert {name for name, *_ in JOBS} == set(templates)
