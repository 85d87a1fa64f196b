"""Bad versions, a bad host, two at once: the old release serves on, the lock is free, and the message names the cause."""

from __future__ import annotations

import pytest

ONLY = "noble"
SOON = {"path": "/health/ready", "timeout": 30}


@pytest.fixture(autouse=True)
def always(as_before):
    return as_before


def test_an_unknown_application_is_named_with_the_known_ones(site):
    said = site.refused("1.1.0", app="apy")
    assert "there is no application apy in apps, which has api; did you mean api?" in said
    assert "changed=0" in said


def test_a_tag_that_does_not_exist(site):
    said = site.refused("9.9.9")
    assert "example-app:9.9.9" in said and "check image and version" in said


def test_a_registry_that_refuses(site, entry):
    said = site.refused("1.1.0", apps=[{**entry, "image": "172.30.99.4:5999/example-app"}])
    assert "connection refused" in said and "that the host reaches the registry" in said


def test_too_little_room(site):
    said = site.refused("1.1.0", app_min_free_mb=10**8)
    assert "MB are free at" in said and "app_min_free_mb" in said and "docker system df" in said


def test_a_port_in_use_is_told_with_its_holder(site, lab, server):
    live = server.check_output(
        "docker ps --filter name=api- --filter name=web --format '{{.Ports}}' | grep -o '127.0.0.1:[0-9]*'"
    )
    port = int(live.rpartition(":")[2])
    idle = port + 1 if port % 2 == 0 else port - 1
    listen = (
        f"import socket, time; s = socket.create_server(('127.0.0.1', {idle})); time.sleep(600)"
    )
    lab.inside(f'nohup python3 -c "{listen}" >/dev/null 2>&1 & sleep 1')
    try:
        said = site.refused("1.1.0")
    finally:
        lab.inside(f"pkill -f {idle}")
    assert f"port {idle} is held by" in said and "python3" in said


def test_an_unhealthy_version_is_told_with_its_state_and_its_last_lines(site, entry):
    said = site.refused("1.2.0-unhealthy", apps=[{**entry, "health": SOON}])
    assert "did not pass GET /health/ready within 30 s: status 503" in said
    assert "container running, exit code 0" in said
    assert (
        "connecting to postgresql://app:********@postgres/app" in said
        or "connecting to ********" in said
    )


def test_a_crash_looping_version_is_told_at_once(site, entry):
    said = site.refused("1.2.0-crash", apps=[{**entry, "health": {**SOON, "timeout": 120}}])
    assert "ended each time" in said and "exit code 3" in said and "about to fail" in said
    gate = next(step["seconds"] for step in site.log()[-1]["steps"] if step["step"] == "gate")
    assert gate < 60, "it does not wait for the time to be over"


def test_a_version_with_errors_goes_back_by_itself(site):
    with site.load() as load:
        said = site.refused("1.2.0-errors", app_bake_seconds=20)
    assert (
        "requests were answered with 5xx" in said and "switched back to the release before" in said
    )
    report = load.report()
    assert report["hard"] > 0 and report["reset"] == 0, (
        "the errors were real, and nothing else was lost"
    )
    assert site.log()[-1]["outcome"] == "failed"
    said = site.lab.playbook(
        "molecule/deploy/converge.yml", "-e", "app_only=api", "-e", "app_version=1.2.0-errors"
    )
    assert "changed=0" in said.stdout and "was rolled back and is left alone" in said.stdout


def test_a_failing_migration_switches_nothing(site, entry):
    said = site.refused("1.1.0", apps=[{**entry, "migrate": "alembic upgrade nowhere"}])
    assert "the migration failed and nothing was switched" in said and "nowhere" in said


def test_docker_stopped_in_the_middle(site, lab, entry, background):
    deploying = background(
        site.refused, "1.2.0-unhealthy", apps=[{**entry, "health": {**SOON, "timeout": 60}}]
    )
    site.wait_for("gate")
    lab.inside("systemctl stop docker.socket docker")
    try:
        said = deploying.result()
    finally:
        lab.inside("systemctl start docker")
    assert "Docker does not answer" in said or "container stopped" in said, said
    # The next run tidies up, and finds nothing else to do.
    assert "1.2.0-unhealthy" in site.lab.playbook("molecule/deploy/converge.yml", "--diff").stdout


def test_two_deploys_at_once(site, entry, background):
    first = background(
        site.refused, "1.2.0-unhealthy", apps=[{**entry, "health": {**SOON, "timeout": 240}}]
    )
    site.wait_for("gate")
    said = site.refused("1.1.0")
    ended = "docker kill $(docker ps --quiet --filter ancestor=172.30.99.4:5000/example-app:1.2.0-unhealthy)"
    site.lab.inside(ended)
    assert "another run (process" in said and "at step gate" in said
    first.result()


def test_a_release_to_return_to_that_is_not_kept(site):
    said = site.refused("", playbook="rollback", to="0.0.1")
    assert "release 0.0.1 is not kept on this host; kept are: 1." in said
