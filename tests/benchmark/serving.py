"""Harden a host that serves, and count what is lost: requests from outside, and connections of its containers.

Prints a table. Takes a bare host of the benchmark's inventory.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from load import Load, Target
from playbook import PROJECT, play

HOST, ADDRESS, NAME = "bench-noble", "172.30.99.100", "api.farol.test"
REGISTRY = "172.30.99.4"
SITE = PROJECT / "playbooks/site.yml"


def main() -> None:
    play(SITE, tags="docker,nginx,app")
    rows = [
        measure("nothing, for comparison", lambda: time.sleep(20)),
        measure("firewall and hardening, first run", harden),
        measure("firewall and hardening, unchanged run", harden),
        measure("Docker reloads", lambda: inside("systemctl reload docker && sleep 5")),
        measure("Docker restarts", lambda: inside("systemctl restart docker && sleep 5")),
        measure("the host reboots", reboot),
    ]
    print(
        "\n## A host that serves\n\n"
        "100 requests a second over connections of their own, sent whether or not the ones before were answered, to the\n"
        "example application on a host that so far had Docker and Nginx alone; ten connections a second from one of its\n"
        "containers to another machine. The times are those under that load.\n"
    )
    print("| meanwhile | seconds | requests | lost | containers' connections lost |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


def measure(what: str, action: Callable[[], object]) -> str:
    target = Target(ADDRESS, NAME, str(PROJECT / f".lab/{HOST}-ca.pem"))
    own = {"kinds": ("close",), "path": "/health/live", "rate": 100, "timeout": 10}
    with Egress() as egress, Load(target, **own) as load:
        start = time.monotonic()
        action()
        seconds = time.monotonic() - start
    kinds = ", ".join(f"{kind} {count}" for kind, count in load.lost.items())
    lost = f"{load.lost.total()} ({kinds})" if kinds else "0"
    return f"| {what} | {seconds:.0f} | {load.sent} | {lost} | {egress.lost} of {egress.sent} |"


def harden() -> None:
    play(SITE, tags="firewall,hardening")


def reboot() -> None:
    subprocess.run(["docker", "restart", HOST], check=True, capture_output=True)
    time.sleep(30)


def inside(command: str) -> str:
    done = subprocess.run(
        ["docker", "exec", HOST, "sh", "-c", command], capture_output=True, text=True, check=False
    )
    return done.stdout


CONNECT = """
import socket, signal, sys, time
over, sent, lost = [], 0, 0
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
while not over:
    sent += 1
    try:
        socket.create_connection(("{registry}", 5000), timeout=2).close()
    except OSError:
        lost += 1
    time.sleep(0.1)
print(sent, lost)
"""


class Egress:
    """Ten connections a second from a container's network to another machine."""

    sent = 0
    lost = 0

    def __enter__(self) -> Egress:
        pid = inside(
            "docker inspect --format '{{.State.Pid}}' $(docker ps -q --filter name=postgres | head -1)"
        )
        self._loop = subprocess.Popen(
            [
                "docker",
                "exec",
                HOST,
                "nsenter",
                f"--net=/proc/{pid.strip()}/ns/net",
                "python3",
                "-c",
            ]
            + [CONNECT.format(registry=REGISTRY)],
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        inside("pkill -TERM -f create_connection")
        out, _ = self._loop.communicate(timeout=10)
        if out.split():
            self.sent, self.lost = map(int, out.split())


if __name__ == "__main__":
    main()
