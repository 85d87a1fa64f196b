from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _compose_services as services


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (3000, "127.0.0.1::3000"),
        ("3000-3005", "127.0.0.1::3000-3005"),
        ("8080:80", "127.0.0.1:8080:80"),
        ("8080:80/udp", "127.0.0.1:8080:80/udp"),
        ("9000-9001:9000-9001", "127.0.0.1:9000-9001:9000-9001"),
        ("127.0.0.1:8080:80", "127.0.0.1:8080:80"),
        ("0.0.0.0:8080:80/tcp", "0.0.0.0:8080:80/tcp"),
        ("10.0.0.5::80", "10.0.0.5::80"),
        ("[::1]:8080:80", "[::1]:8080:80"),
        ("::1:8080:80", "::1:8080:80"),
        (":8080:80", "127.0.0.1:8080:80"),
        ("::80", "127.0.0.1::80"),
        ("[]:8080:80", "127.0.0.1:8080:80"),
        ("${PORT:-8080}:80", "127.0.0.1:${PORT:-8080}:80"),
        ("${A:-${B:-8080}}:80", "127.0.0.1:${A:-${B:-8080}}:80"),
        ({"target": 80, "published": "8080"}, {"target": 80, "published": "8080"}),
        ({"target": 80, "host_ip": ""}, {"target": 80}),
    ],
    ids=str,
)
def test_a_port_is_open_to_the_host_alone_unless_it_names_an_address(port, expected):
    if isinstance(expected, dict):
        expected = {**expected, "host_ip": "127.0.0.1"}
    assert services.loopback(port) == expected


def test_a_port_with_an_address_in_the_long_syntax_stays():
    port = {"target": 80, "published": "80", "host_ip": "0.0.0.0"}
    assert services.loopback(port) == port


DEFAULTS = {"mem_limit": "1g", "cpus": 2, "pids_limit": 512, "init": True}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, DEFAULTS),
        ({"mem_limit": "2g"}, {**DEFAULTS, "mem_limit": "2g"}),
        ({"mem_limit": None, "init": False}, {"cpus": 2, "pids_limit": 512, "init": False}),
        ({"cpu_quota": 5}, {"mem_limit": "1g", "pids_limit": 512, "init": True, "cpu_quota": 5}),
        (
            {"deploy": {"resources": {"limits": {"cpus": "1"}}}},
            {"init": True, "deploy": {"resources": {"limits": {"cpus": "1"}}}},
        ),
        ({"deploy": {"replicas": 2}}, {**DEFAULTS, "deploy": {"replicas": 2}}),
        ({"ports": [80]}, {**DEFAULTS, "ports": ["127.0.0.1::80"]}),
    ],
    ids=str,
)
def test_what_is_said_of_a_service_goes_before_its_defaults(said, expected):
    assert services.finished(DEFAULTS, said) == expected


def test_what_is_closer_to_a_service_wins():
    filed = {"environment": ["A=file", "B=file", "C=file", "D=file", "E=$HOME", "F"]}
    own = {"environment": {"C": "$own", "D": "own"}, "env": {"D": True}}
    assert services.variables(filed, {"B": "entry", "C": "entry"}, own) == {
        "A": "file",
        "B": "entry",
        "C": "$$own",
        "D": "true",
        "E": "$HOME",
        "F": None,
    }


@pytest.mark.parametrize(
    ("mount", "names"),
    [
        ("data:/data", ["data"]),
        ("data:/data:ro", ["data"]),
        ("/srv/data:/data", []),
        ("~/data:/data", []),
        ("/data", []),
        ("${DATA:-./x}:/data", []),
        ({"type": "volume", "source": "data", "target": "/data"}, ["data"]),
        ({"type": "tmpfs", "target": "/data"}, []),
    ],
    ids=str,
)
def test_the_named_volumes_of_a_service(mount, names):
    assert services.volume_names({"volumes": [mount]}) == names


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (None, None),
        (["db"], None),
        (["db", "worker"], ["worker"]),
        ({"db": {"condition": "service_healthy"}}, None),
        (
            {"worker": {"condition": "service_healthy"}},
            {"worker": {"condition": "service_healthy"}},
        ),
    ],
    ids=str,
)
def test_a_service_waits_for_those_of_its_project(declared, expected):
    assert services.waits_for({"depends_on": declared}, {"worker", "cron"}) == expected


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        (None, {"default": {"aliases": ["app"]}}),
        (["default"], {"default": {"aliases": ["app"]}}),
        ({"default": None}, {"default": {"aliases": ["app"]}}),
        (
            {"default": {"aliases": ["a"], "priority": 1}},
            {"default": {"aliases": ["a", "app"], "priority": 1}},
        ),
    ],
    ids=str,
)
def test_an_alias_is_added(networks, expected):
    assert services.with_alias(networks, "app") == expected
