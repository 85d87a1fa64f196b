"""The images of a release, with a `docker` that is a script, keeps its images as files and is a real process."""

from __future__ import annotations

import os

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _release_images
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._release_state import State
from ansible_collections.farol.vps.plugins.module_utils._release_store import Target
from docker_script import DockerScript

# An image is a file with its id, under its name with | for /.
ENGINE = r"""
name() { echo "images/$1" | tr '\n/' '\n|' | sed 's,^images|,images/,'; }
case "$1 $2" in
"info "*) cat root ;;
"image inspect") cat "$(name "$5")" 2>/dev/null || { echo "No such image: $5" >&2; exit 1; } ;;
"image rm") shift 2; for one; do rm "$(name "$one")" || code=1; done; exit ${code:-0} ;;
"pull "*) [ -e registry ] || { echo manifest unknown >&2; exit 1; }; echo "sha256:$3" > "$(name "$3")" ;;
"tag "*) cp "$(name "$2")" "$(name "$3")" ;;
"build "*)
    env | grep -E '^(DOCKER_BUILDKIT|GIT_AUTH_TOKEN)=' | sort > env
    [ -e registry ] || { echo 'repository not found' >&2; exit 1; }
    echo sha256:built > "$(name "$4")" ;;
esac
"""


@pytest.fixture
def docker(tmp_path, monkeypatch):
    script = DockerScript(tmp_path / "bin")
    script.says(ENGINE)
    (script.folder / "images").mkdir()
    script.write("registry", "")
    script.write("root", str(tmp_path))
    monkeypatch.setenv("PATH", f"{script.folder}:{os.environ['PATH']}")
    return script


@pytest.fixture
def host(tmp_path, docker):
    return Host("api", State(str(tmp_path / "state")), ["t0ken"])


def has(docker, *names):
    for name in names:
        docker.write(f"images/{name.replace('/', '|')}", f"sha256:{name}\n")


def images(docker):
    return sorted(name.replace("|", "/") for name in os.listdir(docker.folder / "images"))


# Space.


def test_enough_space_is_no_trouble(host, tmp_path):
    _release_images.require_space(host, str(tmp_path), 0)
    _release_images.require_space(host, str(tmp_path), 1)


@pytest.mark.parametrize("where", ["docker", "folder"])
def test_too_little_space_is_refused_with_the_place_and_the_remedy(host, docker, tmp_path, where):
    place = str(tmp_path / "bin")
    docker.write("root", place if where == "docker" else "/no/such/folder")
    if os.path.isdir("/var/lib/containerd") and where == "folder":
        place = "/var/lib/containerd"
    stat = os.statvfs(place)
    free = stat.f_bavail * stat.f_frsize // 2**20
    with pytest.raises(Failed) as failure:
        _release_images.require_space(host, place, 10**9)
    told = str(failure.value)
    assert f"MB are free at {place}, and a release wants 1000000000 (app_min_free_mb)" in told
    assert "docker system df" in told
    assert abs(int(told.split()[1]) - free) < 2048, "as much as the kernel says"


def test_a_folder_that_is_not_there_yet_is_not_asked(host, docker):
    docker.write("root", "/no/such/folder")
    if not os.path.isdir("/var/lib/containerd"):
        _release_images.require_space(host, "/no/such/folder/either", 10**9)


# Names.


def test_each_image_has_one_local_name_the_web_services_the_plain_one():
    declared = {"cron": "api:1", "proxy": "nginx:1", "web": "api:1", "cache": "nginx:1", "x": "x"}
    assert _release_images.local_tags("api", "1-a", declared) == {
        "api:1": "farol/api:1-a",
        "nginx:1": "farol/api:1-a.cache",
        "x": "farol/api:1-a.x",
    }


# Pulling.


def test_an_image_is_pulled_and_named(host, docker):
    assert _release_images.provide(host, {"r.test/api:1": "farol/api:1-a"}) == {
        "r.test/api:1": {"tag": "farol/api:1-a", "id": "sha256:r.test/api:1"}
    }
    assert images(docker) == ["farol/api:1-a", "r.test/api:1"]


@pytest.mark.parametrize("present", ["r.test/api:1", "farol/api:1-a"])
def test_what_is_there_under_either_name_is_not_pulled(host, docker, present):
    has(docker, present)
    (docker.folder / "registry").unlink()
    ids = _release_images.provide(host, {"r.test/api:1": "farol/api:1-a"})
    assert ids["r.test/api:1"]["id"] == f"sha256:{present}"
    assert "farol/api:1-a" in images(docker)


def test_an_image_that_cannot_be_had_is_told_with_the_remedy(host, docker):
    (docker.folder / "registry").unlink()
    with pytest.raises(Failed, match="manifest unknown; check image and version, that the host"):
        _release_images.provide(host, {"r.test/api:1": "farol/api:1-a"})
    assert images(docker) == []


# Building.


def build(host, token="", **source):
    source = {"git": "https://git.test/api.git", **source}
    _release_images.build(host, source, "v1.0", "farol/api:1-a", token)


def test_a_build_is_of_the_ref_and_with_buildkit(host, docker):
    build(host)
    assert docker.calls[-1] == (
        "build --quiet --tag farol/api:1-a --file Dockerfile https://git.test/api.git#v1.0"
    )
    assert (docker.folder / "env").read_text() == "DOCKER_BUILDKIT=1\n"
    assert images(docker) == ["farol/api:1-a"]


def test_a_build_takes_a_subfolder_a_file_a_target_and_arguments(host, docker):
    build(host, context="apps/api", dockerfile="ops/D", target="prod", args={"B": 2, "A": "x y"})
    assert docker.calls[-1] == (
        "build --quiet --tag farol/api:1-a --file ops/D --target prod --build-arg A=x y"
        " --build-arg B=2 https://git.test/api.git#v1.0:apps/api"
    )


def test_a_token_goes_through_the_environment_alone(host, docker):
    build(host, token="t0ken")
    assert "t0ken" not in docker.calls[-1] and "--secret id=GIT_AUTH_TOKEN" in docker.calls[-1]
    assert (docker.folder / "env").read_text() == "DOCKER_BUILDKIT=1\nGIT_AUTH_TOKEN=t0ken\n"


def test_what_was_built_is_not_built_again(host, docker):
    has(docker, "farol/api:1-a")
    build(host)
    assert not any(call.startswith("build") for call in docker.calls)


def test_a_build_that_fails_is_told_with_the_remedy(host, docker):
    (docker.folder / "registry").unlink()
    with pytest.raises(Failed, match="repository not found; check source.git and version"):
        build(host)


# Removing.


def release(name, **about):
    return Target(name, {}, {}, {}, {"images": about} if about else {})


def image(tag, number):
    return {"tag": tag, "id": f"sha256:{number}"}


def test_what_a_kept_release_uses_stays(host, docker):
    old = release(
        "1-a", **{"api:1": image("farol/api:1-a", 1), "nginx:1": image("farol/api:1-a.p", 9)}
    )
    new = release(
        "2-b", **{"api:2": image("farol/api:2-b", 2), "nginx:1": image("farol/api:2-b.p", 9)}
    )
    names = {
        name
        for one in (old, new)
        for ref, own in one.about["images"].items()
        for name in (ref, own["tag"])
    }
    has(docker, *names, "postgres:17")
    _release_images.prune(host, [new], [old])
    assert images(docker) == ["api:2", "farol/api:2-b", "farol/api:2-b.p", "nginx:1", "postgres:17"]


def test_a_tag_that_has_moved_stays_with_the_release_that_uses_it(host, docker):
    old = release("latest-a--1", **{"api:latest": image("farol/api:latest-a--1", 1)})
    new = release("latest-a--2", **{"api:latest": image("farol/api:latest-a--2", 2)})
    has(docker, "api:latest", "farol/api:latest-a--1", "farol/api:latest-a--2")
    _release_images.prune(host, [new], [old])
    assert images(docker) == ["api:latest", "farol/api:latest-a--2"]


def test_an_image_that_is_gone_already_keeps_no_other_from_going(host, docker):
    old = release("1-a", **{"api:1": image("farol/api:1-a", 1)})
    has(docker, "farol/api:1-a")
    _release_images.prune(host, [], [old])
    assert images(docker) == []


def test_where_nothing_goes_docker_is_not_asked(host, docker):
    _release_images.prune(host, [release("2-b")], [])
    _release_images.prune(host, [], [release("1-a")])
    assert docker.calls == []
