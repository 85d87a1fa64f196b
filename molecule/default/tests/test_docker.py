"""What the CIS Docker benchmark (as docker-bench-security checks it) asks of the engine, its files and the containers.

Left out is what is the lab's (a registry without TLS), the provider's (a disk for containers) or would break
off-the-shelf containers (user namespaces, a read-only root, limits that nobody has measured).
"""

from __future__ import annotations

import json

import pytest

MODES = {
    "/etc/docker": ("root", "root", 0o755),
    "/etc/docker/daemon.json": ("root", "root", 0o644),
    "/run/docker.sock": ("root", "docker", 0o660),
    "/run/containerd/containerd.sock": ("root", "root", 0o660),
}


@pytest.fixture(scope="module")
def containers(server):
    found = json.loads(server.check_output("docker inspect $(docker ps -q)"))
    assert len(found) >= 4
    return found


def test_the_engine_is_as_section_2_wants_it(server):
    info = json.loads(server.check_output("docker info --format '{{json .}}'"))
    assert info["LiveRestoreEnabled"] and not info["ExperimentalBuild"] and not info["Debug"]
    assert "name=no-new-privileges" in info["SecurityOptions"]
    assert info["Driver"] != "aufs" and info["Swarm"]["LocalNodeState"] == "inactive"
    bridge = json.loads(server.check_output("docker network inspect bridge"))[0]["Options"]
    assert bridge["com.docker.network.bridge.enable_icc"] == "false"
    assert server.run("ss -Hltn 'sport = :2375 or sport = :2376'").stdout == ""


@pytest.mark.parametrize("path", MODES)
def test_the_files_are_as_section_3_wants_them(server, path):
    file = server.file(path)
    owner, group, mode = MODES[path]
    assert (file.user, file.group) == (owner, group)
    assert file.mode & ~mode == 0


def test_the_containers_are_as_section_5_wants_them(containers):
    for container in containers:
        name, host = container["Name"], container["HostConfig"]
        assert not host["Privileged"], name
        assert "host" not in (
            host["NetworkMode"],
            host["PidMode"],
            host["IpcMode"],
            host["UTSMode"],
        ), name
        assert not host["CapAdd"] and not host["Devices"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert "unconfined" not in " ".join(host["SecurityOpt"]), name
        mounts = {mount.get("Source", "") for mount in container["Mounts"]}
        assert not mounts & {"/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"}, name
        assert not any(mount.endswith("docker.sock") for mount in mounts), name
        for bindings in (host["PortBindings"] or {}).values():
            assert all(binding["HostIp"] == "127.0.0.1" for binding in bindings), name
