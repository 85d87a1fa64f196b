"""The ways to release: canary, maintenance, a rollback during the bake, a build on the host, a compose file, a followed tag."""

from __future__ import annotations

import json

ONLY = "trixie"
URL = "https://api.farol.test"


def test_a_canary_gets_its_share_and_what_its_cookie_says(site, outside, as_before):
    site.deploy("1.1.0", canary=50)
    assert site.version("-b farol_canary=always") == "1.1.0"
    assert site.version("-b farol_canary=never") == "1.0.0"
    ask = (
        f"for n in $(seq 60); do curl -s --cacert {outside.ca} -A visitor-$n "
        f"--resolve api.farol.test:443:{site.lab.address} {URL}/; echo; done"
    )
    answers = [
        json.loads(line)["version"] for line in outside.shell.check_output(ask).split("\n") if line
    ]
    assert 15 <= answers.count("1.1.0") <= 45, answers.count("1.1.0")
    assert "a canary gets 50 % of the clients" in " ".join(
        site.deploy("", playbook="releases").split()
    )
    site.rollback()
    assert site.version("-b farol_canary=always") == "1.0.0"


def test_maintenance_closes_the_site_to_visitors_and_not_to_releases(site, outside, as_before):
    site.deploy("", playbook="maintenance", maintenance=True)
    try:
        for method in ("GET", "POST"):
            closed = outside.curl(f"{URL}/", f"-X {method}")
            assert closed.status == 503 and "Down for maintenance" in closed.body
            assert closed.headers["retry-after"] == "60"
            assert closed.headers["strict-transport-security"].startswith("max-age=")
        site.deploy("1.1.0")
        site.deploy("1.0.0")
        assert outside.curl(f"{URL}/").status == 503
        assert "changed=0" in site.deploy("", playbook="maintenance", maintenance="yes")
    finally:
        site.deploy("", playbook="maintenance", maintenance="false")


def test_which_release_answered_is_no_visitors_business(outside):
    # That the host itself is told, every release proves: its step "ask" fails without.
    assert "x-farol-upstream" not in outside.curl(f"{URL}/").headers


def test_a_rollback_during_the_bake_is_there_at_once(site, background, as_before):
    deploying = background(site.refused, "1.1.0", app_bake_seconds=240)
    site.wait_for("bake")
    assert site.version() == "1.1.0"
    said = site.rollback()
    assert site.version() == "1.0.0"
    assert "rolled back by another run" in deploying.result()
    assert "serves 1.0.0-" in said


def test_the_host_answers_no_to_a_load_balancer_during_a_release_and_hooks_run(
    site, outside, background, entry, tmp_path
):
    note = "ansible.builtin.lineinfile: {path: /tmp/hooks, create: true, mode: '0600', line: '%s'}"
    for name in ("before", "after", "failed"):
        (tmp_path / f"{name}.yml").write_text(f"- name: Note it\n  {note % name}\n")
    hooks = {name: str(tmp_path / f"{name}.yml") for name in ("before", "after", "failed")}
    site.lab.inside("rm -f /tmp/hooks")
    deploying = background(
        site.deploy, "1.1.0", apps=[{**entry, "hooks": hooks}], app_out_seconds=4
    )
    seen = set()
    while deploying.is_alive():
        health = outside.curl(f"{URL}/health/ready").status
        seen.add((health, outside.curl(f"{URL}/").status))
    deploying.result()
    assert seen == {(200, 200), (503, 200)}, "out for the balancer, and serving all the same"
    assert outside.curl(f"{URL}/health/ready").status == 200
    assert site.lab.inside("cat /tmp/hooks").split() == ["before", "after"]
    site.refused("9.9.9", apps=[{**entry, "hooks": hooks}])
    assert site.lab.inside("cat /tmp/hooks").split() == ["before", "after", "failed"]
    site.deploy("1.0.0")


def test_an_image_is_built_from_a_git_ref_on_the_host(site, entry, as_before):
    source = {"git": "git://172.30.99.5/app.git"}
    built = {key: value for key, value in entry.items() if key != "image"} | {"source": source}
    site.deploy("v2.0.0", apps=[built])
    assert site.version() == "2.0.0"
    said = site.refused("v9.9.9", apps=[built])
    assert "check source.git and version, source.token" in said
    assert site.version() == "2.0.0"
    site.deploy("1.0.0")


COMPOSE = """
services:
  front:
    image: 172.30.99.4:5000/example-app:${VERSION}
    environment: [DATABASE_URL=postgresql://app:demo-only-postgres@db/app, "REDIS_URL=redis://cache:6379/0"]
    depends_on: [db, cache]
  jobs:
    image: 172.30.99.4:5000/example-app:${VERSION}
    command: saq --quiet app.jobs.worker
    environment: {DATABASE_URL: postgresql://app:demo-only-postgres@db/app, REDIS_URL: redis://cache:6379/0}
    depends_on: [front, db]
    mem_limit: 300m
  db:
    image: 172.30.99.4:5000/postgres:16
    environment: {POSTGRES_USER: app, POSTGRES_DB: app, POSTGRES_PASSWORD: demo-only-postgres}
    volumes: [db:/var/lib/postgresql/data]
    ports: ["15432:5432"]
  cache:
    image: 172.30.99.4:5000/redis:7
volumes: {db: {}}
"""


def test_a_users_own_compose_file_is_released_the_same_way(
    lab, site, outside, server, entry, tmp_path
):
    (tmp_path / "compose.yml").write_text(COMPOSE)
    shop = {
        "name": "shop",
        "domain": "shop.farol.test",
        "compose_file": str(tmp_path / "compose.yml"),
        "service": "front",
        "version": "1.0.0",
        "port": 8000,
        "health": {"path": "/health/ready"},
        "migrate": "alembic upgrade head",
        "accessories": {
            "db": {"health": "pg_isready --host 127.0.0.1 --username app"},
            "cache": {},
        },
    }
    run = lab.playbook("molecule/deploy/converge.yml", "-e", json.dumps({"apps": [entry, shop]}))
    assert run.returncode == 0, run.stdout + run.stderr
    try:
        ask = lambda: outside.curl("https://shop.farol.test/", "-k").json()["version"]  # noqa: E731
        assert ask() == "1.0.0"
        started = server.check_output(
            "docker inspect --format '{{.State.StartedAt}}' shop-accessories-db-1"
        )
        site.deploy("1.1.0", app="shop", apps=[entry, shop])
        assert ask() == "1.1.0"
        again = server.check_output(
            "docker inspect --format '{{.State.StartedAt}}' shop-accessories-db-1"
        )
        assert again == started, "a release does not restart the database"
        limits = json.loads(server.check_output("docker inspect shop-services-jobs-1"))[0][
            "HostConfig"
        ]
        assert (
            limits["Memory"] == 300 * 2**20
            and limits["PidsLimit"] == 512
            and limits["CapDrop"] == ["ALL"]
        )
        assert "127.0.0.1:15432->5432/tcp" in server.check_output(
            "docker ps --filter name=shop-accessories-db"
        )
    finally:
        lab.inside(
            "docker rm -fv $(docker ps -aq --filter label=farol.app=shop); docker volume rm farol-shop-db"
        )
        lab.inside(
            "rm -rf /var/lib/farol/apps/shop /opt/farol/apps/shop; docker network rm farol-shop"
        )
        lab.playbook("molecule/deploy/converge.yml")


def test_a_followed_tag_is_released_by_the_host_itself(lab, site, server, entry, push):
    push("1.0.0", "moving")
    # The timer itself keeps out of the way: a look of its own between two pushes would be in the middle of the test.
    never = {"app_follow_schedule": "*-01-01"}
    followed = json.dumps({"apps": [{**entry, "version": "moving", "follow": True}], **never})
    assert (
        lab.playbook("molecule/deploy/converge.yml", "--tags", "app", "-e", followed).returncode
        == 0
    )
    try:
        assert "farol-follow@api.timer" in server.check_output("systemctl list-timers --no-legend")
        assert server.file("/etc/farol/follow/api.json").mode == 0o600
        push("1.1.0", "moving")
        server.check_output("systemctl start farol-follow@api.service")
        assert site.version() == "1.1.0"
        again = lab.playbook("molecule/deploy/converge.yml", "--tags", "app", "-e", followed)
        assert "changed=0" in again.stdout, again.stdout
        push("1.2.0-errors", "moving")
        server.check_output("systemctl start farol-follow@api.service; sleep 1")
        assert site.log()[-1]["action"] == "follow"
        push("1.2.0-crash", "moving")
        assert server.run("systemctl start farol-follow@api.service").rc != 0, (
            "a unit that failed is seen"
        )
    finally:
        site.deploy("1.0.0")
        lab.playbook("molecule/deploy/converge.yml", "--tags", "app")
    assert server.run("systemctl list-timers --no-legend | grep farol-follow").rc != 0
    assert not server.file("/etc/farol/follow/api.json").exists
    assert site.version() == "1.0.0"
