# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit reads of a host, from output of real commands."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _audit_host

SIMULATED = """\
Reading package lists...
Inst libssl3t64 [3.0.13-0ubuntu3.5] (3.0.13-0ubuntu3.6 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])
Inst vim [2:9.1.0016-1ubuntu7.8] (2:9.1.0016-1ubuntu7.9 Ubuntu:24.04/noble-updates [amd64]) []
Inst linux-modules-6.8.0-90-generic (6.8.0-90.91 Ubuntu:24.04/noble-updates [amd64])
Inst openssh-server [1:10.0p1-7] (1:10.0p1-7+deb13u1 Debian-Security:13/stable-security [amd64])
Conf libssl3t64 (3.0.13-0ubuntu3.6 Ubuntu:24.04/noble-updates [amd64])
"""
SOCKETS = """\
udp UNCONN 0      0      127.0.0.11:38046 0.0.0.0:*
udp UNCONN 0      0      127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=1,fd=1))
tcp LISTEN 0      4096    127.0.0.1:22718 0.0.0.0:* users:(("docker-proxy",pid=4892,fd=7))
tcp LISTEN 0      511       0.0.0.0:443   0.0.0.0:* users:(("nginx",pid=4193,fd=9),("nginx",pid=4192,fd=9))
tcp LISTEN 0      511          [::]:443      [::]:* users:(("nginx",pid=4193,fd=10))
tcp LISTEN 0      4096        [::1]:6379     [::]:*
tcp LISTEN 0      4096            *:9100        *:* users:(("node_exporter",pid=7,fd=3))
"""
NOW = datetime(2026, 11, 25, tzinfo=timezone.utc).timestamp()


def test_updates_are_told_from_new_packages_and_by_where_they_come_from():
    assert [(one["package"], one["security"]) for one in _audit_host.updates(SIMULATED)] == [
        ("libssl3t64", True),
        ("vim", False),
        ("openssh-server", True),
    ]
    assert _audit_host.updates(SIMULATED)[0]["available"] == "3.0.13-0ubuntu3.6"


def test_sockets_of_the_loopback_interface_are_left_out():
    assert _audit_host.listening(SOCKETS) == [
        {"protocol": "tcp", "port": 443, "process": "nginx"},
        {"protocol": "tcp", "port": 9100, "process": "node_exporter"},
    ]


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [(0o600, False), (0o640, False), (0o644, True), (0o660, True), (0o601, True)],
)
def test_secrets_that_others_reach_are_told(tmp_path, monkeypatch, mode, is_open):
    path = tmp_path / "deep/er/secrets.json"
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(mode)
    monkeypatch.setattr(_audit_host, "_reachable", lambda path, mode: True)

    found = _audit_host.open_secrets([f"{tmp_path}/**/secrets*"])

    assert bool(found) == is_open
    if is_open:
        assert found[0]["mode"] == f"{mode:04o}" and ":" in found[0]["owner"]


def test_a_closed_folder_above_closes_the_file_to_others_but_not_to_its_group(tmp_path):
    path = tmp_path / "secrets"
    path.touch(0o644)
    tmp_path.chmod(0o700)
    assert _audit_host.open_secrets([str(path)]) == []
    path.chmod(0o664)
    assert len(_audit_host.open_secrets([str(path)])) == 1


def test_the_lists_are_as_old_as_the_newest_of_them(tmp_path, monkeypatch):
    paths = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setattr(_audit_host, "APT_LISTS", [str(path) for path in paths])
    assert _audit_host.age_of_lists(NOW) is None
    for path, days in zip(paths, (9, 2.5), strict=True):
        path.touch()
        os.utime(path, (0, NOW - days * 86400))
    assert _audit_host.age_of_lists(NOW) == 2.5


def test_images_have_their_name_and_age():
    inspected = [
        {
            "Id": "sha256:1",
            "RepoTags": ["farol/api:1-x", "acme/api:1"],
            "Created": "2026-11-15T00:00:00Z",
        },
        {
            "Id": "sha256:2",
            "RepoTags": ["farol/b:1"],
            "Created": "2026-11-24T01:02:03.123456789+02:00",
        },
        {"Id": "sha256:0123456789abcdef", "RepoTags": [], "Created": "2026-11-25T00:00:00.5Z"},
    ]
    assert _audit_host.images(json.dumps(inspected), NOW) == [
        {"image": "acme/api:1", "days": 10},
        {"image": "farol/b:1", "days": 1},
        {"image": "sha256:0123456789ab", "days": 0},
    ]
    assert _audit_host.images("", NOW) == []


def test_containers_that_have_the_host_are_told_with_why():
    safe = {"PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "1"}]}}
    risky = {
        "Privileged": True,
        "NetworkMode": "host",
        "PidMode": "",
        "PortBindings": {"6379/tcp": [{"HostIp": "", "HostPort": "6379"}], "1/tcp": None},
    }
    inspected = [
        {"Name": "/api", "HostConfig": safe, "Mounts": [{"Source": "/srv/data"}]},
        {"Name": "/agent", "HostConfig": risky, "Mounts": [{"Source": "/var/run/docker.sock"}]},
    ]
    assert _audit_host.containers(json.dumps(inspected)) == [
        {
            "container": "agent",
            "risks": [
                "privileged",
                "the host's network namespace",
                "/var/run/docker.sock of the host",
                "published on 0.0.0.0:6379",
            ],
        }
    ]
