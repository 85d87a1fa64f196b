"""Container and unit checks, over answers recorded from Docker 20.10 and systemd 255."""

from __future__ import annotations

import json
import time
from subprocess import CompletedProcess, TimeoutExpired

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _health_commands
from ansible_collections.farol.vps.plugins.module_utils._health import Check, Hopeless, run_checks
from ansible_collections.farol.vps.plugins.module_utils._health_commands import (
    Containers,
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


def inspected(name, state, identity="4c01db0b339c"):
    return json.dumps([identity, f"/{name}", state]) + "\n"


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
    run = answer(inspected("-api", state))
    probe = Containers(run).probe({"container": "-api"})

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

    assert Containers(run).probe({"container": "api"}).look(1) == (False, seen, False)


class Docker:
    """Knows some containers, takes its time, and keeps what it was asked for."""

    def __init__(self, *names, seconds=0.0):
        self.names, self.seconds, self.asked = names, seconds, []

    def __call__(self, argv, timeout):
        asked = argv[argv.index("--") + 1 :]
        self.asked.append(asked)
        time.sleep(self.seconds)
        if self.seconds > timeout:
            raise TimeoutExpired(argv, timeout)
        known = [name for name in asked if name in self.names]
        missing = [name for name in asked if name not in self.names]
        return CompletedProcess(
            argv,
            bool(missing),
            "".join(inspected(name, RUNNING) for name in known),
            "".join(f"Error response from daemon: No such container: {name}\n" for name in missing),
        )


def look_at(docker, *names, timeout=5.0):
    containers = Containers(docker)
    checks = [
        Check(name, "container", timeout, containers.probe({"container": name})) for name in names
    ]
    return run_checks(checks, interval=0.1, try_timeout=timeout)


def test_looks_at_the_same_time_are_one_question():
    names = [f"app-{number}" for number in range(50)]
    docker = Docker(*names)

    assert all(result.ok for result in look_at(docker, *names))
    assert sum(map(len, docker.asked)) == 50
    # A look that a busy machine begins late is part of the next question.
    assert len(docker.asked) <= 10


def test_each_container_is_told_of_its_own_state_alone():
    docker = Docker("api", "api-web")

    found = look_at(docker, "api-web", "gone", "api", timeout=1)

    assert [(result.ok, result.seen) for result in found] == [
        (True, "running"),
        (False, "no such container"),
        (True, "running"),
    ]
    # What has passed is not asked for again.
    asked = [name for names in docker.asked for name in names]
    assert asked.count("api") == asked.count("api-web") == 1 < asked.count("gone")


def test_a_container_may_be_named_by_the_beginning_of_its_id():
    run = answer(
        inspected("4c0", {**RUNNING, "Status": "paused"}, "99") + inspected("api", RUNNING)
    )
    containers = Containers(run)

    assert containers.probe({"container": "4c01"}).look(1).seen == "running"
    assert containers.probe({"container": "4c0"}).look(1).seen == "paused"


def test_docker_that_hangs_is_no_answer_for_any_of_them():
    found = look_at(Docker("a", "b", seconds=0.3), "a", "b", timeout=0.2)

    assert all(result.seen.startswith("no answer within 0.") for result in found)


def test_what_is_no_answer_of_docker_is_said():
    assert "JSONDecodeError" in look_at(answer("{"), "a", timeout=1)[0].seen


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
