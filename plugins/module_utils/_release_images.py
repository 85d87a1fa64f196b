# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a release: pulled or built, and kept under a name of their own for as long as the release is.

A tag may move and an image without one is pruned; C(farol/<app>:<release>) does neither.
"""

from __future__ import annotations

import os

from ansible_collections.farol.vps.plugins.module_utils import _compose
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

PULL_LIMIT = BUILD_LIMIT = 3600
REMEDY = "check image and version, that the host reaches the registry, and app_registry_logins where it asks for a login"


def require_space(host, folder, wanted_mb):
    """Refuse to begin what would fill a disk. Looks where Docker and the releases are."""
    docker = host.docker("info", "--format", "{{.DockerRootDir}}").strip()
    for path in (docker, "/var/lib/containerd", folder):
        if os.path.isdir(path):
            stat = os.statvfs(path)
            free = stat.f_bavail * stat.f_frsize // 2**20
            if free < wanted_mb:
                raise Failed(
                    f"only {free} MB are free at {path}, and a release wants {wanted_mb} (app_min_free_mb); "
                    "remove what is no longer needed: 'docker system df' shows what Docker has"
                )


def local_tags(name, release, images):
    """The local name of each declared image; C(images) has the image of each service."""
    tags = {}
    for service, ref in sorted(images.items(), key=lambda item: (item[0] != _compose.WEB, item[0])):
        suffix = "" if service == _compose.WEB else f".{service}"
        tags.setdefault(ref, f"farol/{name}:{release}{suffix}")
    return tags


def image_id(host, ref):
    code, out, _err = host.run(["docker", "image", "inspect", "--format", "{{.Id}}", ref])
    return out.strip() if code == 0 else None


def pull(host, ref):
    try:
        host.docker("pull", "--quiet", ref, limit=PULL_LIMIT)
    except Failed as error:
        raise Failed(f"{error}; {REMEDY}") from error


def provide(host, tags):
    """Have every image under its local name; what is there is not pulled again. Gives each one's id."""
    ids = {}
    for ref, tag in tags.items():
        found = image_id(host, tag)
        if found is None:
            if image_id(host, ref) is None:
                pull(host, ref)
            host.docker("tag", ref, tag)
            found = image_id(host, tag)
        ids[ref] = {"tag": tag, "id": found}
    return ids


def build(host, source, version, tag, token=""):
    """Build an image from a Git ref with BuildKit, which fetches the ref and keeps its cache.

    C(token) opens a private repository over HTTPS; it is in no argument and in no layer.
    """
    if image_id(host, tag) is not None:
        return
    context = source.get("context") or "."
    options = ["--file", source.get("dockerfile") or "Dockerfile"]
    if source.get("target"):
        options += ["--target", source["target"]]
    for key, value in sorted((source.get("args") or {}).items()):
        options += ["--build-arg", f"{key}={value}"]
    env = {"DOCKER_BUILDKIT": "1"}
    if token:
        # https://docs.docker.com/build/building/secrets/#git-authentication-for-remote-contexts
        options += ["--secret", "id=GIT_AUTH_TOKEN"]
        env["GIT_AUTH_TOKEN"] = token
    remote = f"{source['git']}#{version}" + ("" if context == "." else f":{context}")
    try:
        host.docker(
            "build",
            "--quiet",
            "--tag",
            tag,
            *options,
            remote,
            env=env,
            limit=BUILD_LIMIT,
        )
    except Failed as error:
        raise Failed(
            f"{error}; check source.git and version, source.token where the repository is private, "
            "and that the host reaches both the repository and the base image"
        ) from error


def prune(host, kept, gone):
    """Remove the images of releases that are no longer kept, unless something else uses them."""
    refs = {ref for target in kept for ref in _images(target)}
    ids = {image["id"] for target in kept for image in _images(target).values()}
    names = set()
    for target in gone:
        for ref, image in _images(target).items():
            names.add(image["tag"])
            # A tag that has moved since belongs to a later release.
            if ref not in refs and image["id"] not in ids:
                names.add(ref)
    if names:
        host.docker("image", "rm", *sorted(names), check=False)


def _images(target):
    return target.about.get("images") or {}
