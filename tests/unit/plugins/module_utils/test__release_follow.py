"""A tag that moves is released by the host itself, through the same gate."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_follow
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

APP = {
    "name": "api",
    "domain": "api.example.com",
    "image": "registry.example.com/api",
    "version": "latest",
    "port": 8000,
    "health": {"path": "/ready", "timeout": 1},
    "services": {"worker": {"command": "work", "secrets": {}}},
    "secrets": {},
    "follow": True,
}


@pytest.fixture
def follow(api, engine, tmp_path):
    app, target = api(APP)
    app.release(target)
    arguments = {
        "app": {**APP, "services": {"worker": {"command": "work"}}},
        "secrets": {},
        "ports": app.settings.ports,
        "container_defaults": {},
        "singletons": True,
        "root": str(tmp_path / "opt"),
        "state_dir": str(tmp_path / "state"),
        "min_free_mb": 0,
        "drain_timeout": 0,
        "bake_seconds": 0,
    }

    def run(digest):
        engine.do_pull = lambda rest, env: engine.images.update({rest[-1]: digest})
        return _release_follow.follow(arguments)

    run.app, run.target, run.arguments = app, target, arguments
    return run


def test_a_tag_that_stays_changes_nothing(follow, engine):
    assert follow("sha256:registry.example.com/api:latest").endswith("has not moved")


def test_a_tag_that_moves_is_released_and_the_inventory_need_not_know(follow, engine, api):
    said = follow("sha256:0123456789")
    moved = f"{follow.target.id}--01234567"
    assert said == f"api: {moved} serves, before it {follow.target.id}"
    assert engine.served(follow.app.state.live) == moved
    assert engine.containers[("api-services", "worker")] == moved
    assert follow("sha256:0123456789").endswith("has not moved")
    app, target = api(APP)
    assert not app.release(target).changed, "site.yml with the same version"
    assert app.state.entries()[-1]["action"] == "follow"


def test_what_a_tag_moves_to_is_migrated_and_wants_room(follow, engine):
    follow.arguments["app"]["migrate"] = "migrate-up"
    follow("sha256:0123456789")
    assert engine.migrations == 1
    follow.arguments["min_free_mb"] = 10**9
    with pytest.raises(Failed, match="app_min_free_mb"):
        follow("sha256:aaaaaaaaaa")


def test_what_was_rolled_back_is_not_followed_again(follow, engine, api):
    follow("sha256:0123456789")
    app, _target = api(APP, leave_accessories=True, rolls_back=True, retry=True)
    app.rollback()
    assert engine.served(app.state.live) == follow.target.id
    assert "was rolled back and is left alone" in follow("sha256:0123456789")
    assert "serves" in follow("sha256:aaaaaaaaaa")


def test_an_unhealthy_image_is_told_and_the_old_one_serves(follow, engine):
    engine.status = 503
    with pytest.raises(Failed, match="status 503"):
        follow("sha256:0123456789")
    assert engine.served(follow.app.state.live) == follow.target.id
