"""The folders of kept releases, as files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._release_store import Store, Target

IMAGES = {"i:1": {"tag": "farol/api:x", "id": "sha256:1"}}


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "api"))


def target(release, env=None, services=("web", "worker", "migrate")):
    return Target(
        id=release,
        app={"name": "api", "domain": "d", "version": release.split("-")[0]},
        public={"services": {name: {"image": "i:1"} for name in services}},
        secret={"services": {"web": {"environment": env or {}}}},
    )


def keep(store, *releases, served=True):
    for release in releases:
        one = target(release)
        store.save(one, IMAGES, {**one.public, "pinned": True})
        if served:
            store.mark_served(release)


def ids(targets):
    return [one.id for one in targets]


def test_a_release_comes_back_as_it_was_saved(store):
    one = target("1.0-a", {"TOKEN": "s3cret"})
    store.save(one, IMAGES, {"services": {}, "pinned": True})
    found = store.load("1.0-a")
    assert (found.id, found.app, found.public, found.secret) == (
        one.id,
        one.app,
        one.public,
        one.secret,
    )
    assert found.about["images"] == IMAGES and found.version == "1.0"
    public, secret = store.files("1.0-a")
    assert json.loads(Path(public).read_text())["pinned"], "Compose is given the pinned document"
    assert os.stat(secret).st_mode & 0o777 == 0o600
    assert os.stat(public).st_mode & 0o777 == 0o644


def test_services_are_what_runs_beside_the_web_service(store):
    assert target("1.0-a").services == {"worker"} and target("1.0-a").migrates
    assert not target("1.0-a", services=("web",)).migrates


def test_secret_values_are_what_a_container_sees_of_them():
    one = target(
        "1.0-a", {"PRICE": "100$$", "PLAIN": "p", "EMPTY": "", "NONE": None, "TWO": "$$$$"}
    )
    assert sorted(one.secret_values()) == ["$$", "100$", "p"]
    assert Target("x", {}, {}, {"services": {}}).secret_values() == []


def test_kept_is_what_served_in_the_order_in_which_it_was_released_last(store):
    assert store.kept() == []
    keep(store, "1.10-b", "1.9-a", "2.0-c")
    keep(store, "3.0-never", served=False)
    assert ids(store.kept()) == ["1.10-b", "1.9-a", "2.0-c"]
    store.mark_served("1.10-b", again=False)
    assert ids(store.kept()) == ["1.10-b", "1.9-a", "2.0-c"], "a rollback to it changes nothing"
    store.mark_served("1.10-b")
    assert ids(store.kept()) == ["1.9-a", "2.0-c", "1.10-b"]
    assert store.load("3.0-never").served == 0


def test_to_mark_what_is_not_there_is_no_trouble(store):
    store.mark_served("1.0-a")
    assert store.kept() == []


@pytest.mark.parametrize("missing", ["release.json", "secrets.json", "compose.json"])
def test_a_folder_that_is_not_whole_is_no_release_and_is_to_go(store, missing):
    keep(store, "1.0-a", "1.1-b")
    (Path(store.releases) / "1.0-a" / missing).unlink()
    assert store.load("1.0-a") is None
    assert ids(store.kept()) == ["1.1-b"]
    assert store.superseded(5, "1.1-b") == ["1.0-a"]


@pytest.mark.parametrize("text", ["", '{"release": "1.', "{}"])
def test_a_folder_whose_file_is_torn_is_no_release(store, text):
    keep(store, "1.0-a")
    (Path(store.releases) / "1.0-a/release.json").write_text(text)
    assert store.load("1.0-a") is None and store.kept() == []


def test_a_stray_file_among_the_folders_is_no_release(store):
    keep(store, "1.0-a")
    (Path(store.releases) / "notes.txt").write_text("mine")
    assert ids(store.kept()) == ["1.0-a"]


@pytest.mark.parametrize(
    ("keep_releases", "current", "gone"),
    [
        (5, "1.3-d", ["1.9-never"]),
        (4, "1.3-d", ["1.9-never"]),
        (3, "1.3-d", ["1.9-never", "1.0-a"]),
        (2, "1.3-d", ["1.9-never", "1.0-a", "1.1-b"]),
        (1, "1.3-d", ["1.9-never", "1.0-a", "1.1-b", "1.2-c"]),
        (0, "1.3-d", ["1.9-never", "1.0-a", "1.1-b", "1.2-c"]),
        # After a rollback the current one is old, and is kept all the same.
        (2, "1.0-a", ["1.9-never", "1.1-b", "1.2-c"]),
        (1, "1.9-never", ["1.0-a", "1.1-b", "1.2-c", "1.3-d"]),
    ],
)
def test_superseded_are_the_oldest_and_what_never_served(store, keep_releases, current, gone):
    keep(store, "1.0-a", "1.1-b", "1.2-c", "1.3-d")
    keep(store, "1.9-never", served=False)
    assert store.superseded(keep_releases, current) == gone


def test_nothing_is_superseded_where_nothing_was_released(store):
    assert store.superseded(1, "1.0-a") == []


def test_a_forgotten_release_is_gone_and_may_be_forgotten_again(store):
    keep(store, "1.0-a", "1.1-b")
    for _twice in range(2):
        store.forget("1.0-a")
    assert os.listdir(store.releases) == ["1.1-b"]
