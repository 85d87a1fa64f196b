"""A real Bugsink is told of releases, and gets an error of the application that carries one."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
import urllib.request
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._backup import sources_of_apps
from ansible_collections.farol.vps.plugins.plugin_utils._bugsink import with_bugsink

TOKEN = "f0" * 20
DOMAIN = "errors.farol.test"
DATA = "/var/lib/docker/volumes/farol-bugsink-data/_data"
GIVEN = {
    "domain": DOMAIN,
    "image": "172.30.99.4:5000/bugsink",
    "secret_key": "{{ vault_bugsink_secret_key }}",
    "admin_email": "ops@farol.test",
    "admin_password": "{{ vault_bugsink_password }}",
}
WRONG = """
from app import sentry
from app.settings import settings
import sentry_sdk
sentry.start(settings())
try:
    1 / 0
except ZeroDivisionError:
    sentry_sdk.capture_exception()
sentry_sdk.flush(10)
"""


class Bugsink:
    """Asked through its own API, past the module."""

    def __init__(self, address):
        self.api = f"http://{address}:8090/api/canonical/0"

    def ask(self, path):
        request = urllib.request.Request(
            f"{self.api}/{path}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def releases(self):
        return {each["version"] for each in self.ask("releases/?project=1")["results"]}

    def events(self):
        """Every event with all that it says."""
        return [
            self.ask(f"events/{event['id']}/")["data"]
            for issue in self.ask("issues/?project=1")["results"]
            for event in self.ask(f"events/?issue={issue['id']}")["results"]
        ]


@pytest.fixture
def bugsink(lab):
    return Bugsink(lab.address)


def deploy(lab, version, **variables):
    given = json.dumps({"app": "api", "version": version, **variables})
    done = lab.playbook("playbooks/deploy.yml", "-e", given)
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, " ".join(done.stdout.split())


def containers(server):
    names = server.check_output("docker ps --format '{{.Names}}'").split()
    described = json.loads(server.check_output(f"docker inspect {' '.join(names)}"))
    return {
        each["Name"].strip("/"): dict(pair.split("=", 1) for pair in each["Config"]["Env"])
        for each in described
    }


def test_the_first_release_was_told_of_though_bugsink_came_with_it(bugsink):
    assert bugsink.releases() == {"api@1.0.0"}


def test_every_container_of_the_release_knows_it_and_no_other_does(lab, server):
    found = containers(server)
    released = {name: env for name, env in found.items() if "SENTRY_RELEASE" in env}
    assert len(released) == 2, found.keys()
    for env in released.values():
        assert env["SENTRY_RELEASE"] == "api@1.0.0"
        assert env["SENTRY_ENVIRONMENT"] == "lab"
        assert env["SENTRY_DSN"].endswith(f"@{lab.address}:8090/1")
    assert not any("SENTRY_DSN" in env for name, env in found.items() if name not in released)


def test_an_error_carries_the_release_that_was_registered(lab, server, bugsink):
    status, _said = deploy(lab, "1.0.1")
    assert status == 0, _said
    assert bugsink.releases() == {"api@1.0.0", "api@1.0.1"}
    web = next(
        name
        for name, env in containers(server).items()
        if env.get("SENTRY_RELEASE") == "api@1.0.1" and "web" in name
    )
    server.check_output("docker exec %s python3 -c %s", web, WRONG)
    deadline = time.monotonic() + 60
    while not (events := bugsink.events()) and time.monotonic() < deadline:
        time.sleep(1)
    (event,) = events
    assert (event["release"], event["environment"]) == ("api@1.0.1", "lab")
    assert event["exception"]["values"][-1]["type"] == "ZeroDivisionError"
    assert bugsink.releases() == {"api@1.0.0", "api@1.0.1"}


def test_an_outage_ends_no_release_and_is_told_afterwards(lab, server, bugsink):
    # Packets to it vanish, as with a machine that is gone.
    rule = "INPUT -p tcp --dport 8090 -j DROP"
    server.check_output(f"iptables -I {rule}")
    try:
        status, said = deploy(lab, "1.1.0", sentry_timeout=2)
        assert status == 0, said
        assert "Sentry was not told: api@1.1.0:" in said
        status, said = deploy(lab, "1.1.0", sentry_timeout=2, sentry_required=True)
        assert status != 0
        assert "Sentry was not told, and sentry_required is set" in said
    finally:
        server.check_output(f"iptables -D {rule}")
    assert "api@1.1.0" not in bugsink.releases()
    status, said = deploy(lab, "1.1.0")
    assert status == 0, said
    assert "api@1.1.0" in bugsink.releases()


# Bugsink, of which the inventory says no more than sentry_bugsink.


def page(lab, path):
    """What a visitor gets, who trusts the host's authority and nobody else."""
    authority = Path(__file__).parents[3] / f".lab/{lab.name}-ca.pem"
    context = ssl.create_default_context(cafile=str(authority))
    plain = socket.create_connection((lab.address, 443), 10)
    connection = http.client.HTTPSConnection(DOMAIN, timeout=30)
    connection.sock = context.wrap_socket(plain, server_hostname=DOMAIN)
    connection.request("GET", path)
    return connection.getresponse()


def test_bugsink_has_a_site_with_a_certificate_and_its_own_policy(lab):
    assert page(lab, "/health/ready").status == 200
    answer = page(lab, "/accounts/login/")
    assert answer.status == 200 and b"Bugsink" in answer.read()
    (policy,) = answer.headers.get_all("Content-Security-Policy")
    assert "script-src 'self' 'unsafe-inline'" in policy


def bugsink_says(server, code):
    (name,) = [name for name in containers(server) if name.startswith("bugsink-")]
    return server.check_output(
        "docker exec %s bugsink-manage shell --verbosity 0 -c %s", name, code
    )


def test_the_first_user_is_the_one_of_the_inventory(server):
    code = (
        "from django.contrib.auth import get_user_model as m; u = m().objects.get(); "
        "print(u.email, u.is_superuser, u.check_password('demo-only-bugsink'))"
    )
    assert bugsink_says(server, code).splitlines()[-1] == "ops@farol.test True True"


def test_its_secrets_are_for_root_alone(server):
    found = server.check_output("grep -rl demo-only-bugsink /opt/farol /var/lib/farol").split()
    assert found and all(path.endswith("secrets.json") for path in found)
    assert all(server.file(path).mode == 0o600 for path in found)


def test_what_is_backed_up_is_whole(server):
    (source,) = sources_of_apps(with_bugsink([], {**GIVEN, "secret_key": "k" * 50}))
    assert source["volumes"] == ["farol-bugsink-data"]
    assert server.run(source["before"]).rc == 0
    code = (
        "import sqlite3; d = sqlite3.connect('/copy'); "
        "print(*d.execute('pragma integrity_check').fetchone(), *d.execute('select count(*) from releases_release').fetchone())"
    ).replace("/copy", f"{DATA}/backup.sqlite3")
    whole, releases = server.check_output("python3 -c %s", code).split()
    assert whole == "ok" and int(releases) >= 2


def test_a_release_of_bugsink_keeps_what_it_has(lab, server, bugsink):
    before, events = bugsink.releases(), len(bugsink.events())
    assert before and events
    told = {**GIVEN, "env": {"SITE_TITLE": "Errors of the lab"}}
    done = lab.playbook(
        "playbooks/deploy.yml", "-e", json.dumps({"app": "bugsink", "sentry_bugsink": told})
    )
    assert done.returncode == 0, done.stdout
    assert "demo-only-bugsink" not in done.stdout + done.stderr
    assert b"Errors of the lab" in page(lab, "/accounts/login/").read()
    assert bugsink.releases() == before and len(bugsink.events()) == events


def test_a_look_after_a_restore_passes_over_what_was_never_released(lab):
    new = {"name": "new", "domain": "new.farol.test", "image": "x", "version": "1", "port": 1}
    given = json.dumps({"apps": [new], "farol_released_only": True})
    done = lab.playbook("playbooks/parts/health.yml", "-e", given)
    assert done.returncode == 0 and "0 passed, 0 failed" in done.stdout, done.stdout
    done = lab.playbook("playbooks/parts/health.yml", "-e", "farol_released_only=true")
    assert done.returncode == 0 and "1 passed, 0 failed" in done.stdout, done.stdout
