"""Releases against an engine in memory, with a real web server for each colour."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_run, _release_watch
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

APP = {
    "name": "api",
    "domain": "api.example.com",
    "image": "registry.example.com/api",
    "version": "1.0",
    "port": 8000,
    "health": {"path": "/ready", "timeout": 1},
    "secrets": {"TOKEN": "s3cret-token"},
    "services": {"worker": {"command": "work", "secrets": {}}},
    "migrate": "migrate-up",
    "accessories": {"redis": {"image": "redis:8", "secrets": {}}},
}
NEXT = {**APP, "version": "1.1"}
EVERY = [
    "disk",
    "pull",
    "render",
    "migrate",
    "start",
    "gate",
    "flip",
    "ask",
    "drain",
    "services",
    "bake",
    "stop",
    "prune",
]


def release(api, entry, **settings):
    app, target = api(entry, **settings)
    return app, app.release(target)


def names(result):
    return [step["step"] for step in result.steps]


def test_the_first_release_runs_everything(api, engine):
    app, result = release(api, APP)
    assert engine.projects == ["api-accessories", "api-blue", "api-services"]
    assert app.state.live == "blue" and engine.migrations == 1
    assert names(result) == [
        "disk",
        "accessories",
        "pull",
        "render",
        "migrate",
        "start",
        "gate",
        "flip",
        "ask",
        "services",
        "prune",
    ]
    assert engine.networks == {"farol-api"}


def test_the_same_again_changes_nothing(api):
    release(api, APP)
    _app, result = release(api, APP)
    assert not result.changed and result.steps == [] and result.found == []


def test_the_next_release_takes_the_other_colour_and_leaves_the_accessories(api, engine):
    release(api, APP)
    accessories = engine.containers[("api-accessories", "redis")]
    app, result = release(api, NEXT)
    assert names(result) == EVERY
    assert app.state.live == "green"
    assert engine.projects == ["api-accessories", "api-green", "api-services"]
    assert engine.containers[("api-services", "worker")] == result.release
    assert engine.containers[("api-accessories", "redis")] == accessories
    app, _result = release(api, {**APP, "version": "1.2"})
    assert app.state.live == "blue"


# Every step, with each way to fail in it: whatever it is, a release serves, and the next run gets through.


class Killed(BaseException):
    """What no code of the run can answer."""


@pytest.fixture(params=["before", "after"])
def moment(request):
    return request.param


def breaks(monkeypatch, step, moment, error):
    do = getattr(_release_run.Steps, f"do_{step}")

    def broken(self):
        if moment == "after":
            do(self)
        raise error

    monkeypatch.setattr(_release_run.Steps, f"do_{step}", broken)


def converges(api, engine):
    app, result = release(api, NEXT, retry=True)
    assert engine.served(app.state.live) == engine.containers[("api-services", "worker")]
    assert engine.served(app.state.live).startswith("1.1-")
    assert (
        len([project for project in engine.projects if project in ("api-blue", "api-green")]) == 1
    )
    _app, again = release(api, NEXT)
    assert not again.changed
    return result


@pytest.mark.parametrize("step", EVERY)
def test_a_step_that_fails_leaves_one_release_serving_as_a_whole(
    api, engine, monkeypatch, step, moment
):
    _app, before = release(api, APP)
    with monkeypatch.context() as patch:
        breaks(patch, step, moment, Failed("broken on purpose"))
        with pytest.raises(Failed, match="broken on purpose") as failure:
            release(api, NEXT)
    app, _target = api(APP)
    serving = engine.served(app.state.live)
    kept = step in ("stop", "prune")
    assert serving.startswith("1.1-" if kept else "1.0-")
    assert engine.containers[("api-services", "worker")] == serving
    assert failure.value.steps[-1]["step"] in (step, "drain back")
    assert app.state.holder() == {}, "the lock is free and says nothing"
    assert app.state.entries()[-1]["outcome"] == "failed"
    if not kept:
        assert before.release == serving
        assert f"api-{'green' if app.state.live == 'blue' else 'blue'}" not in engine.projects
    result = converges(api, engine)
    assert not any("ended without a word" in found for found in result.found)


@pytest.mark.parametrize("step", EVERY)
def test_a_run_killed_at_a_step_leaves_a_release_serving(api, engine, monkeypatch, step, moment):
    release(api, APP)
    with monkeypatch.context() as patch:
        breaks(patch, step, moment, Killed())
        with pytest.raises(Killed):
            release(api, NEXT)
    app, _target = api(APP)
    assert engine.served(app.state.live).startswith(("1.0-", "1.1-"))
    assert app.state.holder()["step"] in (step, "stop" if step == "bake" else step)
    result = converges(api, engine)
    if result.changed:
        assert any("ended without a word at step" in found for found in result.found)


@pytest.mark.parametrize("to", ["its name", None])
@pytest.mark.parametrize("step", EVERY)
def test_a_run_killed_at_a_step_can_be_rolled_back(api, engine, monkeypatch, step, moment, to):
    """Nobody has to complete a bad release first."""
    _app, before = release(api, APP)
    with monkeypatch.context() as patch:
        breaks(patch, step, moment, Killed())
        with pytest.raises(Killed):
            release(api, NEXT)
    app, _target = api(APP, leave_accessories=True, rolls_back=True, retry=True)
    switched = engine.served(app.state.live) != before.release
    if to or switched:
        # The test's own process was not killed: what it wrote has to be a dead one's.
        record = app.state.holder() | {"started": "0"}
        Path(app.state.path("lock")).write_text(json.dumps(record) + "\n")
        app.rollback(before.release if to else None)
    assert engine.served(app.state.live) == before.release
    if switched:
        assert app.state.held is not None
    app, _target = api(APP)
    assert not app.look(_target)[0].changed or app.release(_target).changed
    assert engine.served(app.state.live) == before.release
    assert engine.containers[("api-services", "worker")] == before.release


# Single faults with what they say.


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pull", "check image and version"),
        ("compose_run", "the migration failed and nothing was switched"),
        ("compose_up", "failed: no room"),
    ],
)
def test_a_command_that_fails_is_told_with_its_remedy(api, engine, command, expected):
    release(api, APP)
    engine.broken[command] = "no room"
    with pytest.raises(Failed, match=expected):
        release(api, NEXT)
    del engine.broken[command]
    app, result = release(api, APP)
    assert app.state.live == "blue" and not result.changed
    assert len(os.listdir(app.store.releases)) == 1, "what never served is forgotten"


def test_an_engine_that_is_down_is_told_as_that(api, engine):
    release(api, APP)
    engine.broken = dict.fromkeys(
        ("compose_run", "stop", "rm"),
        "Cannot connect to the Docker daemon at unix:///run/docker.sock",
    )
    with pytest.raises(Failed, match="Docker does not answer; look at 'systemctl status docker'"):
        release(api, NEXT)
    engine.broken = {}
    converges(api, engine)


def test_too_little_room_is_refused_before_anything_is_pulled(api, engine):
    release(api, APP)
    with pytest.raises(
        Failed,
        match=r"only \d+ MB are free at .* wants 1000000000 \(app_min_free_mb\)",
    ):
        release(api, NEXT, min_free_mb=10**9)
    assert not any("1.1" in name for name in engine.images)


def test_an_unhealthy_release_is_taken_down_and_its_last_words_are_told(api, engine):
    release(api, APP)
    engine.status = 503
    with pytest.raises(Failed) as failure:
        release(api, NEXT)
    text = str(failure.value)
    assert "GET /ready within 1 s: status 503" in text
    assert "running, exit code 0" in text and "starting with ********" in text
    assert "s3cret-token" not in text
    assert engine.projects == ["api-accessories", "api-blue", "api-services"]


def test_a_crash_looping_container_ends_the_gate_early(api, engine):
    engine.status = 503
    engine.looping.add("web")
    start = time.monotonic()
    with pytest.raises(Failed, match="was started 10 times and ended each time"):
        release(api, {**APP, "health": {"path": "/ready", "timeout": 60}})
    assert time.monotonic() - start < 10


def test_a_container_that_goes_away_ends_the_gate_early(api, engine):
    engine.status = 503
    up = engine.do_compose_up

    def up_and_gone(rest, env):
        up(rest, env)
        engine.stopped.add(("api-blue", "web"))

    engine.do_compose_up = up_and_gone
    with pytest.raises(Failed, match="the container stopped"):
        release(api, {**APP, "health": {"path": "/ready", "timeout": 60}})


def test_a_port_that_is_taken_is_named_with_its_holder(api, engine, monkeypatch):
    engine.broken["compose_up"] = "address already in use"
    monkeypatch.setattr(
        engine,
        "ss",
        lambda argv: (0, 'LISTEN 0 5 127.0.0.1:1 0.0.0.0:* users:(("nc",pid=7,fd=3))\n', ""),
    )
    with pytest.raises(Failed, match=r'is held by users:\(\("nc",pid=7,fd=3\)\)'):
        release(api, {**APP, "accessories": {}})


def test_a_service_that_crash_loops_is_told_and_the_old_release_returns(api, engine):
    _app, before = release(api, APP)
    up = engine.do_compose_up

    def loops(rest, env):
        if "api-services" in rest:
            engine.looping ^= {"worker"}
        return up(rest, env)

    engine.do_compose_up = loops
    with pytest.raises(Failed) as failure:
        release(api, NEXT)
    assert "service worker of release 1.1-" in str(failure.value)
    assert "does not stay up" in str(failure.value) and "switched back" in str(failure.value)
    app, _target = api(APP)
    assert engine.served(app.state.live) == before.release
    assert engine.containers[("api-services", "worker")] == before.release


def test_a_bake_sees_errors_in_the_access_log_and_switches_back(api, engine, tmp_path):
    log = tmp_path / "access.log"
    _app, before = release(api, APP, access_log=str(log))
    log.write_text("")
    app, target = api(NEXT, access_log=str(log), bake_seconds=5)
    bake = _release_watch.Watch.bake

    def with_errors(watch):
        line = {
            "host": "api.example.com",
            "status": 500,
            "upstream": f"127.0.0.1:{app.settings.ports['green']}",
        }
        log.write_text((json.dumps(line) + "\n") * 6)
        bake(watch)

    _release_watch.Watch.bake = with_errors
    try:
        with pytest.raises(
            Failed, match="6 of 6 requests were answered with 5xx, before the switch 0 of 0"
        ):
            app.release(target)
    finally:
        _release_watch.Watch.bake = bake
    assert engine.served(app.state.live) == before.release
    assert app.state.held == target.id
    app, result = release(api, NEXT, access_log=str(log))
    assert not result.changed and "was rolled back and is left alone" in result.found[0]


def test_a_release_whose_health_goes_in_the_bake_is_left(api, engine):
    _app, before = release(api, APP)
    app, target = api(NEXT, bake_seconds=5)
    threading.Timer(0.3, lambda: setattr(engine, "status", 503)).start()
    with pytest.raises(Failed, match="/ready failed 3 times in a row: status 503; switched back"):
        app.release(target)
    assert engine.served(app.state.live) == before.release


# Rollbacks.


def back(api, to=None, **settings):
    app, _target = api(APP, leave_accessories=True, rolls_back=True, retry=True, **settings)
    return app, app.rollback(to)


def test_a_rollback_returns_to_the_release_before_with_its_services_and_without_a_registry(
    api, engine
):
    _app, before = release(api, APP)
    _app, after = release(api, NEXT)
    engine.broken["pull"] = "the registry is gone"
    migrations = engine.migrations
    app, result = back(api)
    assert (result.release, result.previous) == (before.release, after.release)
    assert engine.served(app.state.live) == before.release
    assert engine.containers[("api-services", "worker")] == before.release
    assert engine.migrations == migrations
    _app, result = release(api, NEXT)
    assert not result.changed, "site.yml does not bring it back"
    _app, result = release(api, NEXT, retry=True)
    assert result.changed, "deploy.yml does"


def test_a_rollback_goes_to_a_version_or_a_release_by_name(api, engine):
    _app, first = release(api, APP, keep_releases=3)
    release(api, NEXT, keep_releases=3)
    release(api, {**APP, "version": "1.2"}, keep_releases=3)
    for name in ("1.1", first.release):
        app, _result = back(api, to=name, keep_releases=3)
        assert engine.served(app.state.live).startswith(name)


def test_a_rollback_to_what_is_not_kept_names_what_is(api):
    _app, first = release(api, APP)
    with pytest.raises(
        Failed, match=f"release 0.9 is not kept on this host; kept are: {first.release}"
    ):
        back(api, to="0.9")
    with pytest.raises(Failed, match="no release from before 1.0-"):
        back(api)


def test_a_version_that_was_deployed_again_has_the_one_before_it_to_return_to(api, engine):
    for entry in (APP, NEXT, APP):
        release(api, entry)
    app, _result = back(api)
    assert engine.served(app.state.live).startswith("1.1-")


def test_a_second_rollback_does_not_return_to_the_bad_release(api, engine):
    _app, first = release(api, APP)
    release(api, NEXT)
    back(api)
    with pytest.raises(Failed, match="no release from before 1.0-"):
        back(api)


def test_a_rollback_that_is_not_healthy_leaves_the_release_that_serves(api, engine):
    release(api, APP)
    _app, after = release(api, NEXT)
    engine.status = 503
    with pytest.raises(Failed, match="status 503"):
        back(api)
    app, _target = api(NEXT)
    assert engine.served(app.state.live) == after.release and app.state.held is None


def test_a_release_that_bakes_is_left_at_once(api, engine):
    _app, before = release(api, APP)
    app, target = api(NEXT, bake_seconds=20)
    failures = []

    def deploy():
        try:
            app.release(target)
        except Failed as failure:
            failures.append(failure)

    deploying = threading.Thread(target=deploy)
    deploying.start()
    while app.state.holder().get("step") != "bake":
        time.sleep(0.01)
    result = app.rollback()
    deploying.join(60)
    assert result.release == before.release and result.steps[0]["seconds"] < 5
    assert "rolled back by another run" in str(failures[0])
    assert engine.served(app.state.live) == before.release
    assert engine.containers[("api-services", "worker")] == before.release
    assert app.state.held == target.id


# Canaries.


def test_a_canary_gets_its_share_and_a_run_without_one_completes_it(api, engine):
    _app, before = release(api, APP)
    app, result = release(api, NEXT, canary=10)
    assert names(result)[-1] == "canary" and result.release == before.release
    assert app.state.canary == 10 and engine.served(app.state.live) == before.release
    assert sorted(os.listdir(app.state.path("canary"))) == ["1", "10", "5", "always"]
    assert not release(api, NEXT, canary=10)[1].changed
    assert release(api, NEXT, canary=50)[1].changed and app.state.canary == 50
    _app, result = release(api, APP)
    assert not result.changed and "is a canary and is left alone" in result.found[0]
    started = len(engine.ran)
    app, result = release(api, NEXT)
    assert app.state.canary is None and engine.served(app.state.live) == result.release
    assert not any("api-green" in argv and "up" in argv for argv in engine.ran[started:]), (
        "it runs already"
    )


def test_a_rollback_ends_a_canary(api, engine):
    _app, before = release(api, APP)
    release(api, NEXT, canary=0)
    app, result = back(api)
    assert result.release == before.release and app.state.canary is None
    assert "api-green" not in engine.projects


def test_a_canary_that_is_replaced_gets_no_requests_meanwhile(api, engine):
    release(api, APP)
    release(api, NEXT, canary=25)
    app, _result = release(api, {**APP, "version": "1.2"}, canary=5)
    assert app.state.canary == 5 and engine.containers[("api-green", "web")].startswith("1.2-")


def test_a_canary_that_is_not_healthy_when_it_is_to_be_completed_is_taken_from_its_visitors(
    api, engine
):
    _app, before = release(api, APP)
    release(api, NEXT, canary=25)
    engine.status = 503
    with pytest.raises(Failed, match="status 503"):
        release(api, NEXT, canary=50)
    app, _target = api(NEXT)
    assert app.state.canary is None and "api-green" not in engine.projects
    assert engine.served(app.state.live) == before.release


def test_a_canary_that_does_not_run_is_ended(api, engine):
    release(api, APP)
    release(api, NEXT, canary=25)
    del engine.containers[("api-green", "web")]
    app, result = release(api, APP)
    assert result.changed and app.state.canary is None
    assert "the canary did not run any more" in result.found[0]


# What is kept, and what goes.


def test_releases_and_images_beyond_the_wanted_number_go(api, engine):
    for version in ("1.0", "1.1", "1.2"):
        app, result = release(api, {**APP, "version": version})
    left = set(os.listdir(app.store.releases))
    assert len(left) == 2 and result.release in left
    assert not any(":1.0" in name for name in engine.images)
    assert any(":1.1" in name for name in engine.images), "a rollback needs it"


def test_an_image_that_is_there_is_not_pulled(api, engine):
    engine.images["registry.example.com/api:1.0"] = "sha256:1"
    engine.broken["pull"] = "registry is down"
    release(api, APP)
    assert ("api-blue", "web") in engine.containers


def test_only_root_reads_the_secrets(api):
    app, result = release(api, APP)
    public, secret = map(Path, app.store.files(result.release))
    assert secret.stat().st_mode & 0o777 == 0o600
    assert "s3cret-token" in secret.read_text()
    rest = [path for path in Path(app.store.folder).rglob("*.json") if path.name != "secrets.json"]
    assert public in rest and not any("s3cret-token" in path.read_text() for path in rest)
    assert "s3cret-token" not in Path(app.state.path("releases.jsonl")).read_text()


def test_a_changed_secret_is_a_new_release_of_the_same_version(api):
    _app, before = release(api, APP)
    _app, after = release(api, {**APP, "secrets": {"TOKEN": "another-one"}})
    assert after.changed and after.release != before.release
    assert after.release.startswith("1.0-")


def test_a_service_that_is_no_longer_declared_goes(api, engine):
    services = {**APP["services"], "cron": {"command": "tick", "secrets": {}}}
    release(api, {**APP, "services": services})
    release(api, APP)
    assert ("api-services", "cron") not in engine.containers
    assert ("api-services", "worker") in engine.containers


def test_accessories_that_are_no_longer_declared_go(api, engine):
    release(api, APP)
    release(api, {**APP, "accessories": {}})
    assert "api-accessories" not in engine.projects


def test_two_releases_at_once_are_refused_with_what_the_other_does(api):
    app, _result = release(api, APP)
    _app, target = api(NEXT)
    with app.state.lock("release", "1.9-x"):
        app.state.note(step="gate")
        with pytest.raises(Failed, match=rf"another run \(process {os.getpid()}\) .* at step gate"):
            _app.release(target)


def test_connections_to_the_old_colour_may_end_first(api, engine):
    release(api, APP)
    engine.busy = 3
    release(api, NEXT, drain_timeout=5)
    assert engine.busy < 0


def test_a_migration_that_a_killed_run_left_is_ended_first(api, engine):
    engine.containers[("api-migrate", "migrate")] = "1.0-x"
    release(api, APP)
    assert ("api-migrate", "migrate") not in engine.containers
    assert engine.migrations == 1


def test_a_flag_that_names_a_colour_without_containers_is_mended_at_once(api, engine):
    app, _result = release(api, APP)
    app.state.flip("green")
    app, result = release(api, APP)
    assert engine.served(app.state.live) is not None and app.state.live == "blue"
    assert "green was to serve and did not run; switched to blue, which does" in result.found


def test_a_build_makes_the_image_under_the_name_of_the_release(api, engine):
    entry = {**APP, "source": {"git": "https://git.example.com/api.git", "args": {"A": "1"}}}
    del entry["image"]
    _app, result = release(api, entry)
    assert f"farol/api:{result.release}" in engine.images
    build = next(argv for argv in engine.ran if argv[1] == "build")
    assert build[-1] == "https://git.example.com/api.git#1.0" and "A=1" in build


def test_the_log_says_who_what_and_how_it_ended(api, engine):
    release(api, APP, by="ana")
    app, result = release(api, NEXT, by="ana")
    entry = app.state.entries()[-1]
    assert entry["by"] == "ana" and entry["version"] == "1.1" and entry["outcome"] == "released"
    assert entry["images"] == {
        "registry.example.com/api:1.1": "sha256:registry.example.com/api:1.1"
    }
    assert [step["step"] for step in entry["steps"]] == EVERY
    assert entry["previous"].startswith("1.0-") and entry["release"] == result.release


def test_a_token_opens_a_private_repository_and_is_in_no_argument(api, engine):
    entry = {**APP, "source": {"git": "https://git.example.com/api.git"}}
    del entry["image"]
    seen = {}
    build = engine.do_build
    engine.do_build = lambda rest, env: (seen.update(env), build(rest, env))[1]
    release(api, entry, token="t0ken")
    argv = next(argv for argv in engine.ran if argv[1] == "build")
    assert "t0ken" not in " ".join(argv) and "id=GIT_AUTH_TOKEN" in argv
    assert seen["GIT_AUTH_TOKEN"] == "t0ken"
