"""Container and unit checks, over answers recorded from Docker 20.10 and systemd 255."""

from __future__ import annotations

import json
from subprocess import CompletedProcess

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _health_commands
from ansible_collections.farol.vps.plugins.module_utils._health import Hopeless
from ansible_collections.farol.vps.plugins.module_utils._health_commands import (
    container_probe,
    run_command,
    unit_probe,
)

RUNNING = {
    "Status": "running",
    "Running": True,
    "Paused": False,
    "Restarting": False,
    "OOMKilled": False,
    "Dead": False,
    "Pid": 1038,
    "ExitCode": 0,
    "Error": "",
    "StartedAt": "2026-11-22T02:35:40.460961533Z",
    "FinishedAt": "0001-01-01T00:00:00Z",
}
STOPPED = {**RUNNING, "Running": False, "Pid": 0}


def health(status, *outputs):
    log = [
        {
            "Start": "2026-11-22T02:35:41.977156253Z",
            "End": "2026-11-22T02:35:42.107679296Z",
            "ExitCode": 1,
            "Output": output,
        }
        for output in outputs
    ]
    return {"Health": {"Status": status, "FailingStreak": len(log), "Log": log}}


NO_DAEMON = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
    "Is the docker daemon running?"
)


def answer(stdout="", stderr="", returncode=0):
    """Stand in for a command; keep the argument lists it was given."""

    def run(argv, _timeout):
        run.argv = argv
        return CompletedProcess(argv, returncode, stdout, stderr)

    return run


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (RUNNING, (True, "running")),
        ({**RUNNING, **health("none")}, (True, "running, healthy")),
        ({**RUNNING, **health("healthy", "")}, (True, "running, healthy")),
        ({**RUNNING, **health("starting")}, (False, "running, starting")),
        (
            {**RUNNING, **health("unhealthy", "first\n", "GET /health: 503\n")},
            (False, "running, unhealthy: GET /health: 503"),
        ),
        ({**STOPPED, "Status": "exited", "ExitCode": 3}, (False, "exited, exit code 3")),
        (
            {**RUNNING, "Status": "restarting", "Restarting": True, "ExitCode": 7},
            (False, "restarting, exit code 7"),
        ),
        (
            {**STOPPED, "Status": "exited", "ExitCode": 137, "OOMKilled": True},
            (False, "exited, exit code 137, out of memory"),
        ),
        ({**STOPPED, "Status": "created"}, (False, "created")),
        (
            {**STOPPED, "Status": "created", "ExitCode": 127, "Error": "exec: no such file"},
            (False, "created, exec: no such file"),
        ),
        ({**RUNNING, "Status": "paused", "Paused": True}, (False, "paused")),
    ],
)
def test_states_of_a_container(state, found):
    run = answer(json.dumps(state) + "\n")
    probe = container_probe({"container": "-api"}, run)

    assert probe.look(1)[:2] == found
    assert probe[:2] == ("-api", "running, and healthy if it has a health check")
    assert run.argv[-2:] == ["--", "-api"]


@pytest.mark.parametrize(
    ("stderr", "seen"),
    [
        ("Error response from daemon: No such container: api\n", "no such container"),
        (f"{NO_DAEMON}\n", NO_DAEMON),
        ("", "exit code 1"),
    ],
)
def test_docker_that_gives_no_state(stderr, seen):
    run = answer("\n", stderr, 1)

    assert container_probe({"container": "api"}, run).look(1) == (False, seen, False)


def properties(load="loaded", active="active", sub="running", result="success", status="0"):
    return (
        f"Result={result}\nExecMainStatus={status}\nLoadState={load}\n"
        f"ActiveState={active}\nSubState={sub}\n"
    )


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (properties(), (True, "active (running)")),
        (
            "Result=success\nLoadState=loaded\nActiveState=active\nSubState=waiting\n",
            (True, "active (waiting)"),
        ),
        (properties("not-found", "inactive", "dead"), (False, "unit not-found")),
        (properties("masked", "inactive", "dead"), (False, "unit masked")),
        (properties(active="inactive", sub="dead"), (False, "inactive (dead)")),
        (
            properties(active="failed", sub="failed", result="exit-code", status="4"),
            (False, "failed, exit-code 4"),
        ),
        (
            properties(active="activating", sub="auto-restart", result="oom-kill", status=""),
            (False, "activating (auto-restart), oom-kill"),
        ),
    ],
)
def test_states_of_a_unit(shown, found):
    run = answer(shown)
    probe = unit_probe({"unit": "api.service"}, run)

    assert probe.look(1)[:2] == found
    assert probe[:2] == ("api.service", "active")
    assert run.argv[-2:] == ["--", "api.service"]


def test_a_host_without_systemd():
    stderr = (
        "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
        "Failed to connect to bus: Host is down\n"
    )

    assert unit_probe({"unit": "a.service"}, answer("", stderr, 1)).look(1).seen == (
        "System has not been booted with systemd as init system (PID 1). Can't operate. "
        "Failed to connect to bus: Host is down"
    )


def test_commands_run_in_plain_english_with_what_they_are_given(monkeypatch):
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    script = "read line; echo $LC_ALL $SECRET $line; echo oops >&2; exit 4"

    done = run_command(["sh", "-c", script], 5, {"SECRET": "s3cret"})

    assert (done.returncode, done.stdout, done.stderr) == (4, "C.UTF-8 s3cret\n", "oops\n")


def test_a_missing_command_is_hopeless(monkeypatch):
    monkeypatch.setitem(_health_commands.REMEDIES, "no-such-command", "install it")

    with pytest.raises(Hopeless) as caught:
        run_command(["no-such-command"], 1)
    assert str(caught.value) == "no no-such-command command: install it"


def test_every_command_in_use_has_a_remedy():
    assert set(_health_commands.REMEDIES) == {"docker", "psql", "systemctl"}
