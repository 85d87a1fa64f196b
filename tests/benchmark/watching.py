"""What watching costs a host, and how long after a fault somebody is told. Prints a section of Markdown. Takes the bare hosts of scenario `monitoring`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from statistics import median

from conftest import Lab, scenario_hosts
from load import Load, Target
from playbook import PROJECT, play
from watch import Receiver, Watcher, until

SCENARIO = PROJECT / "molecule/monitoring"
IDLE = 180  # seconds over which processors are measured
REPETITIONS = 3
TELEMETRY = (
    "prometheus-node-exporter",
    "prometheus-nginx-exporter",
    "mtail",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
    "prometheus-exporter-exporter",
    "systemd-journal-upload",
)
MONITORING = (
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "systemd-journal-remote",
    "farol-journal-remote-tls",
)
# Programs that a timer starts, with the seconds between two starts.
PROGRAMS = "/usr/local/lib/farol"
TIMERS = {
    f"/usr/bin/python3 -I {PROGRAMS}/container-metrics /tmp/measured": 15,
    f"{PROGRAMS}/pgbouncer-metrics /tmp/measured 6432": 15,
    f"/usr/bin/python3 -I {PROGRAMS}/host-metrics /tmp/measured /tmp": 300,
}
MIB = 2**20
# Which alert tells of it, what is done, what mends it, and the limit in seconds.
STOP_WEB = "docker stop -t 2 $(docker ps -qf name=api-blue-web)"
FAULTS = {
    "PostgreSQL down": (
        "PostgresqlDown",
        "systemctl stop 'postgresql@*'",
        "systemctl restart postgresql",
        60,
    ),
    "Redis down": (
        "RedisDown",
        "systemctl stop redis-server@queue",
        "systemctl start redis-server@queue",
        60,
    ),
    "endpoint down": (
        "EndpointDown",
        STOP_WEB,
        "docker start $(docker ps -aqf name=api-blue-web)",
        60,
    ),
}
ERRORS = (
    "ErrorRate",
    "docker stop -t 2 api-accessories-redis-1",
    "docker start api-accessories-redis-1",
    100,
)


@dataclass(frozen=True)
class Place:
    lab: Lab
    watcher: Watcher
    receiver: Receiver

    def run(self, command: str) -> str:
        return self.lab.inside(command)

    def memory(self, units: tuple[str, ...]) -> float:
        """MiB of these units' own and their share of what they share with others (PSS)."""
        pids = " ".join(f"$(systemctl show -p ControlGroup --value {unit})" for unit in units)
        command = (
            f"for group in {pids}; do cat /sys/fs/cgroup$group/cgroup.procs /sys/fs/cgroup/systemd$group/cgroup.procs 2>/dev/null; done"
            " | sort -u | while read pid; do grep ^Pss: /proc/$pid/smaps_rollup; done | awk '{ sum += $2 } END { print sum }'"
        )
        return float(self.run(command) or 0) * 1024 / MIB

    def seconds(self, units: tuple[str, ...]) -> float:
        """Processor time so far."""
        pids = " ".join(f"$(systemctl show -p MainPID --value {unit})" for unit in units)
        ticks = "do [ $pid = 0 ] || cut -d' ' -f14,15 /proc/$pid/stat"
        spent = self.run(
            f"for pid in {pids}; {ticks}; done | awk '{{ sum += $1 + $2 }} END {{ print sum }}'"
        )
        return float(spent or 0) / os.sysconf("SC_CLK_TCK")

    def timer(self, program: str) -> float:
        """Processor seconds of one run."""
        took = self.run(f"bash -c 'TIMEFORMAT=\"%U %S\"; time {program}' 2>&1").splitlines()[-1]
        return sum(map(float, took.split()))


def main() -> None:
    load_before = os.getloadavg()[0]
    say("two hosts that are watched")
    play(SCENARIO / "converge.yml", inventory=str(SCENARIO / "inventory"))
    places = [place(host) for host in scenario_hosts(SCENARIO / "inventory")]
    for each in places:
        each.receiver.start()
    try:
        costs = [cost(each) for each in places]
        faults = [fault(places[0], what, *FAULTS[what]) for what in FAULTS]
        faults.append(error_rate(places[0]))
    finally:
        for each in places:
            each.receiver.stop()
    print(
        "\n## Watching\n\n"
        f"Scenario `monitoring`, {date.today()}; the load was {load_before:.1f} at the start. Memory is each process's own and its share of what it shares; "
        f"processors are a share of one core over {IDLE} s with nothing else to do, the programs of timers included.\n"
        "The first host watches both, and has Prometheus, Alertmanager, the blackbox exporter and what takes journals.\n"
    )
    print("| host | what | memory | target | of a core | target | |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(costs))
    print(
        f"\nSeconds from the fault to the message at what stands for Slack, on a host that is quiet but for that; medians of {REPETITIONS}, all in brackets. "
        "Errors are a tenth of 20 requests a second.\n"
    )
    print("| fault | seconds | target | |\n|---|---|---|---|")
    print("\n".join(faults))


def place(lab: Lab) -> Place:
    receiver = Receiver(8000 + int(lab.address.rpartition(".")[2]))
    return Place(lab, Watcher(lab.login()), receiver)


def cost(here: Place) -> str:
    say(f"{here.lab.name}: memory and processors over {IDLE} s")
    time.sleep(60)  # what a converge leaves to do
    both = TELEMETRY + MONITORING
    before = {units: here.seconds(units) for units in (TELEMETRY, both)}
    time.sleep(IDLE)
    timers = sum(here.timer(program) / every for program, every in TIMERS.items())
    rows = []
    for units, what, most_memory, most_share in (
        (TELEMETRY, "telemetry", 120, 0.02),
        (both, "with monitoring", 350, None),
    ):
        memory = here.memory(units)
        share = (here.seconds(units) - before[units]) / IDLE + timers
        met = memory < most_memory and (most_share is None or share < most_share)
        limit = f"< {most_share:.0%}" if most_share else ""
        rows.append(
            f"| {here.lab.name} | {what} | {memory:.0f} MiB | < {most_memory} MiB | {share:.1%} | {limit} | {'met' if met else 'missed'} |"
        )
    return "\n".join(rows)


def fault(here: Place, what: str, alert: str, broken: str, mended: str, limit: int) -> str:
    took = [told(here, what, alert, broken, mended) for _ in range(REPETITIONS)]
    return row(what, took, limit)


def row(what: str, took: list[float], limit: int) -> str:
    each = ", ".join(f"{seconds:.0f}" for seconds in sorted(took))
    verdict = "met" if median(took) < limit else "missed"
    return f"| {what} | {median(took):.0f} ({each}) | < {limit} | {verdict} |"


def told(here: Place, what: str, alert: str, broken: str, mended: str) -> float:
    say(f"{here.lab.name}: {what}")
    until(lambda: alert not in here.watcher.alerts(), 900, f"a host without {alert}")
    time.sleep(75)  # messages of a group keep this distance
    start = time.time()
    here.run(broken)
    try:
        word = f"#{alert.lower()}"
        sent = until(
            lambda: [
                each
                for each in here.receiver.messages(word, here.lab.name, since=start)
                if each["to"] == "slack" and "✅" not in str(each["body"])
            ],
            300,
            f"somebody is told of {what}",
        )
    finally:
        here.run(mended)
    return sent[0]["at"] - start


def error_rate(here: Place) -> str:
    alert, broken, mended, limit = ERRORS
    with requests(here):
        took = [told(here, "errors", alert, broken, mended) for _ in range(REPETITIONS)]
    return row("a tenth of the requests fail", took, limit)


@contextmanager
def requests(here: Place) -> Iterator[None]:
    """20 a second, of which two need Redis."""
    target = Target(
        here.lab.address, "api.farol.test", str(PROJECT / f".lab/{here.lab.name}-ca.pem")
    )
    own = {"timeout": 10}
    with (
        Load(target, kinds=("get",), path="/", rate=18, **own),
        Load(target, kinds=("post",), rate=2, **own),
    ):
        yield


def say(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
