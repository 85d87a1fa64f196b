"""The module as Ansible calls it."""

from __future__ import annotations

import json
import socket

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.farol.vps.plugins.modules import health_check


@pytest.fixture
def call(capsys):
    """Run the module; return what it prints."""

    def run(*checks, **options):
        options = {"checks": list(checks), "timeout": 0.2, "interval": 0.05, **options}
        with patch_module_args(options), pytest.raises(SystemExit):
            health_check.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def tcp(port, **more):
    return {"name": "ssh", "type": "tcp", "host": "127.0.0.1", "port": port, **more}


def test_checks_that_pass(call, port, free_port):
    result = call(tcp(port), tcp(free_port, name="db", state="closed"), _ansible_check_mode=True)

    assert result["changed"] is False
    assert [check.pop("latency_ms") < 5000 for check in result["checks"]] == [True, True]
    assert result["checks"] == [
        {
            "name": "ssh",
            "type": "tcp",
            "target": f"127.0.0.1:{port}",
            "expected": "open",
            "seen": "open",
            "ok": True,
            "state": "passed",
            "tries": 1,
        },
        {
            "name": "db",
            "type": "tcp",
            "target": f"127.0.0.1:{free_port}",
            "expected": "closed",
            "seen": "closed, refused",
            "ok": True,
            "state": "passed",
            "tries": 1,
        },
    ]


def test_a_check_that_fails(call, port, free_port):
    result = call(tcp(free_port), tcp(port), timeout=5, interval=9)

    assert result["failed"]
    assert [check["state"] for check in result["checks"]] == ["failed", "passed"]
    assert result["msg"] == (
        "1 of 2 health checks failed:\n"
        f"ssh (tcp 127.0.0.1:{free_port}): expected open; seen connection refused; 1 try"
    )


def test_failing_can_be_left_to_the_caller(call, free_port):
    result = call(tcp(free_port), fail=False)

    assert "failed" not in result
    assert result["checks"][0]["state"] == "failed"


def test_no_checks_pass(call):
    assert call()["checks"] == []


UNKNOWN = (
    "Unsupported parameters for (basic.py) module: checks.prot. "
    f"Supported parameters include: {', '.join(sorted(health_check.CHECK))}."
)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"type": "tcp", "host": "a", "port": 1, "prot": 2}, UNKNOWN),
        ({"type": "tcp", "host": "a"}, "type is tcp but all of the following are missing: port"),
        ({"type": "http"}, "type is http but all of the following are missing: url"),
        ({"type": "redis"}, "type is redis but all of the following are missing: host"),
        (
            {"type": "postgresql"},
            "type is postgresql but all of the following are missing: host, user",
        ),
        ({"type": "unit"}, "type is unit but all of the following are missing: unit"),
        (
            {"type": "container"},
            "type is container but all of the following are missing: container",
        ),
        (
            {"type": "ping"},
            "value of type must be one of: http, tcp, postgresql, redis, container, unit, got: ping",
        ),
        (
            {"type": "tcp", "host": "a", "port": 1, "url": "http://a", "tls_min_days": 1},
            "check x: type tcp knows no option tls_min_days, url",
        ),
        (
            {"type": "unit", "unit": "a", "timeout": 0},
            "check x: timeout must be more than 0 seconds, not 0",
        ),
        (
            {"type": "http", "url": "a"},
            "check x: url a must start with http:// or https:// and a host",
        ),
    ],
)
def test_bad_checks(call, check, message):
    result = call({"name": "x", **check})

    assert result["failed"]
    assert result["msg"].removesuffix(" found in checks") == message


@pytest.mark.parametrize("option", ["interval", "try_timeout"])
def test_bad_times(call, option):
    result = call(**{option: -1})

    assert result["msg"] == f"{option} must be more than 0 seconds, not -1"


def test_secrets_stay_out_of_the_result(call, free_port):
    redis = {"type": "redis", "host": "127.0.0.1", "port": free_port, "password": "s3cret"}
    web = {
        "type": "http",
        "url": f"http://127.0.0.1:{free_port}/",
        "request_headers": {"Authorization": "t0ken"},
    }

    result = call({"name": "cache", **redis}, {"name": "web", **web}, timeout=5, interval=9)

    assert [check["seen"] for check in result["checks"]] == ["connection refused"] * 2
    assert "s3cret" not in json.dumps(result)
    assert "t0ken" not in json.dumps(result)


@pytest.mark.parametrize(
    "options",
    [
        {"type": "postgresql", "host": "db.example", "user": "api"},
        {"type": "redis", "host": "cache.example"},
        {"type": "container", "container": "api-web-1"},
        {"type": "unit", "unit": "nginx.service"},
        {"type": "http", "url": "http://a.example/"},
    ],
)
def test_every_type_can_be_built(options):
    defaults = {name: spec.get("default") for name, spec in health_check.CHECK.items()}
    check = health_check.build_check({**defaults, "name": "x", **options}, 30)

    assert (check.name, check.type, check.timeout) == ("x", options["type"], 30)


def test_documented_results_are_the_results(call, port):
    documented = yaml.safe_load(health_check.RETURN)["checks"]["contains"]

    assert set(call(tcp(port))["checks"][0]) == set(documented)
