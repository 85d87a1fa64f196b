"""Commands on the host: real processes, and a `docker` that is a script."""

from __future__ import annotations

import os
import sys
import time

import pytest
from ansible_collections.farol.vps.plugins.module_utils._release import Container
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._release_state import State
from docker_script import DockerScript

WEB = Container("api-blue", "web", "1.0-a", "running", "c0ffee")


@pytest.fixture
def docker(tmp_path, monkeypatch):
    script = DockerScript(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{script.folder}:{os.environ['PATH']}")
    return script


@pytest.fixture
def host(tmp_path):
    return Host("api", State(str(tmp_path / "state")), ["s3cret-token", "s3cret-token-longer"])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(pid, seconds=10):
    """Whether a killed process is gone: the kernel takes a moment longer than kill() to end it."""
    limit = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < limit:
        time.sleep(0.01)
    return not alive(pid)


def test_a_command_tells_its_exit_code_and_both_outputs(host):
    assert host.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\n", "err\n")


def test_output_that_is_no_text_is_shown_as_far_as_it_goes(host):
    _code, out, _err = host.run(["printf", r"a\377z\303\244"])
    assert out == "a\ufffdzä"


def test_a_command_reads_nothing_and_gets_its_environment_beside_the_own(host, monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    program = "import os, sys; print(sys.stdin.read(), os.environ['KEPT'], os.environ['MORE'], os.environ['LC_ALL'])"
    code, out, err = host.run([sys.executable, "-c", program], env={"MORE": "more"})
    assert (code, out.split(), err) == (0, ["kept", "more", "C.UTF-8"], "")
    assert "MORE" not in os.environ


def test_a_command_past_its_time_ends_with_all_that_it_started(host):
    start = time.monotonic()
    code, out, err = host.run(["sh", "-c", "echo begun; sleep 300 & echo $!; wait"], limit=3)
    assert time.monotonic() - start < 10
    assert code == -9 and err == "no end within 3 s. "
    begun, pid = out.split()
    assert begun == "begun" and ended(int(pid))


def test_the_lock_names_the_command_while_it_runs_and_no_longer(host):
    lock = host.state.path("lock")
    with host.state.lock("release", "1.0-a"):
        _code, out, _err = host.run(
            ["sh", "-c", f"echo $$; until grep child {lock}; do sleep 0.01; done"]
        )
        pid, record = out.split("\n", 1)
        assert f'"pid": {pid}' in record.partition('"child"')[2]
        assert host.state.holder()["child"] is None


def test_a_failure_of_docker_is_told_without_secrets(host, docker):
    docker.says("echo 'cannot use s3cret-token-longer or s3cret-token' >&2; exit 1")
    with pytest.raises(Failed) as failure:
        host.docker("pull", "--quiet", "image")
    assert str(failure.value) == (
        "docker pull --quiet image … failed: cannot use ******** or ********"
    )


def test_what_docker_says_on_standard_output_is_told_where_there_is_no_error(host, docker):
    docker.says("echo no such thing; exit 1")
    with pytest.raises(Failed, match="failed: no such thing"):
        host.docker("inspect", "x")
    assert host.docker("inspect", "x", check=False) == "no such thing\n"


@pytest.mark.parametrize(
    "said",
    [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "error during connect: Get http://docker: dial tcp",
    ],
)
def test_an_engine_that_is_down_is_told_with_the_remedy(host, docker, said):
    docker.says(f"echo '{said}' >&2; exit 1")
    with pytest.raises(Failed, match="^Docker does not answer; look at 'systemctl status docker'"):
        host.containers()


def test_compose_is_given_its_files_in_order(host, docker):
    host.compose("api-blue", ["a.json", "b.json"], "up", "--detach", env={"FAROL_PORT": "1"})
    assert docker.calls == [
        "compose --project-name api-blue --progress quiet --file a.json --file b.json up --detach"
    ]


def test_a_network_is_made_where_there_is_none(host, docker):
    host.network({"name": "api"})
    assert docker.calls[-1] == "network create farol-api"
    docker.says("case $2 in ls) echo 4711;; esac")
    host.network({"name": "api"})
    assert docker.calls[-1] == "network ls --quiet --filter name=^farol-api$"


def test_a_project_is_stopped_with_its_grace_before_it_is_removed(host, docker):
    docker.says(
        r"case $1 in ps) printf 'api-blue\tweb\t1\trunning\ta\napi-green\tweb\t2\trunning\tb\n';; esac"
    )
    host.remove("api-blue")
    assert docker.calls[1:] == ["stop a", "rm --force --volumes a"]
    host.remove("api-services")
    assert len(docker.calls) == 4, "there is nothing to remove"
    host.remove("api-green", [WEB])
    assert len(docker.calls) == 4, "the containers that were given are not of that project"


def test_the_last_words_of_a_container_hold_no_secret(host, docker):
    docker.says(
        "case $1 in inspect) echo 'exited, exit code 1, 2 restarts';;"
        " logs) echo 'postgres://u:s3cret-token@db'; echo 'then s3cret-token-longer' >&2;; esac"
    )
    text = host.evidence(WEB)
    assert text == (
        "container exited, exit code 1, 2 restarts; its last lines:\n"
        "postgres://u:********@db\nthen ********\n"
    )
    assert host.evidence(None) == "its container is gone"
