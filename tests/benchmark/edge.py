"""What the edge costs, how it grows with its sites, what a flood from one address does to others, and its grade.

Prints a section of Markdown. Takes a bare host of the benchmark's inventory, and a quarter of an hour.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median, quantiles

from playbook import HERE, PROJECT, Timing, play
from table import Row

sys.path.insert(0, str(PROJECT / "molecule"))
import scanners  # noqa: E402

HOST, ADDRESS = "bench-noble", "172.30.99.100"
PLAYBOOK = HERE / "edge.yml"
UPSTREAM = "127.0.0.1:8000"
WEB, LIMITED = "web.farol.test", "limited.farol.test"
LIMIT = {"requests_per_second": 50, "burst": 20, "connections": 20}
SITES = [
    {"name": "web", "domain": WEB, "upstream": UPSTREAM},
    {"name": "limited", "domain": LIMITED, "upstream": UPSTREAM, "rate_limit": LIMIT},
]
# Who listens on which port.
OURS, PLAIN, KEPT = 443, 8443, 8444

REPETITIONS = 3
ROUNDS = 7
MANY = 100
CLIENTS = 1000
WARM = 5  # seconds
# `each` is what one connection asks for in a second. The visitor stays below the limit of an address.
VISITOR = {"clients": 10, "each": 4}
FLOOD = {"clients": 100, "each": 20}


@dataclass(frozen=True)
class Sample:
    """One run of a load: the 95th percentile in milliseconds, and how many answers had which status."""

    p95: float
    statuses: Counter[str]
    seconds: int

    @property
    def rate(self) -> float:
        return self.statuses.total() / self.seconds


def main() -> None:
    scanners.make_image()
    grown = growth()
    play(PLAYBOOK, nginx_sites=SITES)
    for name in ("upstream", "plain"):
        start(name)
    print(page(overhead(), grown, flood()))
    print(graded(scanners.testssl(scanners.site(WEB, HOST, ADDRESS))))


def start(name: str) -> None:
    """An Nginx of its own beside the role's."""
    text = (HERE / f"edge/{name}.conf").read_bytes()
    command = f"cat >/srv/{name}.conf && nginx -c /srv/{name}.conf"
    subprocess.run(["docker", "exec", "-i", HOST, "sh", "-c", command], input=text, check=True)


def load(name: str, port: int = OURS, *, clients: int, seconds: int, each: int = 0) -> Sample:
    """Kept-alive connections from an address of their own, with one request at a time on each."""
    pace = f"--rps={each}" if each else ""
    log = scanners.scan(
        f"h2load --h1 --clients={clients} {pace} --warm-up-time={WARM} --duration={seconds} --log-file=log "
        f"--connect-to={ADDRESS}:{port} https://{name}/ >&2; cat log"
    )
    # Each with the time it was sent at, its status, and what it took; in microseconds.
    answers = [line.split() for line in log.splitlines()]
    times = [int(took) / 1000 for _sent, _status, took in answers]
    return Sample(quantiles(times, n=20)[-1], Counter(answer[1] for answer in answers), seconds)


def overhead() -> dict[int, list[Sample]]:
    samples: dict[int, list[Sample]] = {port: [] for port in (OURS, PLAIN, KEPT)}
    for number in range(ROUNDS):
        ports = list(samples)
        for port in ports[number % 3 :] + ports[: number % 3]:
            samples[port].append(load(WEB, port, clients=CLIENTS, seconds=10))
            say(f"port {port}", samples[port][-1])
    return samples


def growth() -> list[Row]:
    runs: dict[tuple[str, int], list[Timing]] = defaultdict(list)
    for _ in range(REPETITIONS):
        for count in (1, MANY):
            sites = [
                {"name": f"site-{n}", "domain": f"site-{n}.farol.test", "upstream": UPSTREAM}
                for n in range(count)
            ]
            play(PLAYBOOK, nginx_sites=[])
            for kind in ("new", "unchanged"):
                runs[kind, count].append(play(PLAYBOOK, nginx_sites=sites))
                print(f"benchmark: {count} sites {kind}", file=sys.stderr)
    return [
        grown(f"{MANY} sites, {kind}: {what}", runs[kind, MANY], runs[kind, 1], tasks)
        for kind in ("new", "unchanged")
        for what, tasks in (("the task that configures", "Configure Nginx"), ("the whole role", ""))
    ]


def grown(what: str, many: list[Timing], one: list[Timing], tasks: str) -> Row:
    def seconds(timing: Timing) -> float:
        return sum(took for task, took in timing.tasks if task.endswith(tasks))

    time_of_many, time_of_one = (median(map(seconds, timings)) for timings in (many, one))
    return Row(what, time_of_many, "one", time_of_one, "≤ 3", time_of_many <= 3 * time_of_one)


def flood() -> dict[str, list[Sample]]:
    """What a visitor gets without and with the flood by turns, and what the flood gets."""
    samples: dict[str, list[Sample]] = {"quiet": [], "flooded": [], "flood": []}
    with ThreadPoolExecutor(1) as executor:
        for _ in range(ROUNDS):
            samples["quiet"].append(load(LIMITED, seconds=10, **VISITOR))
            flooding = executor.submit(load, LIMITED, seconds=18, **FLOOD)
            time.sleep(WARM)
            samples["flooded"].append(load(LIMITED, seconds=10, **VISITOR))
            samples["flood"].append(flooding.result())
            for kind, taken in samples.items():
                say(kind, taken[-1])
    return samples


def say(what: str, sample: Sample) -> None:
    seen = f"p95 {sample.p95:.2f} ms, {sample.rate:.0f}/s, {dict(sample.statuses)}"
    print(f"benchmark: {what}: {seen}", file=sys.stderr, flush=True)


def page(costs: dict[int, list[Sample]], rows: list[Row], floods: dict[str, list[Sample]]) -> str:
    visitor = VISITOR["clients"] * VISITOR["each"]
    refused = sum(sample.statuses["429"] for sample in floods["flood"])
    asked = sum(sample.statuses.total() for sample in floods["flood"])
    rate = median(sample.rate for sample in floods["flood"])
    lines = [
        "",
        "## The edge",
        "",
        f"{CLIENTS} kept-alive connections over TLS from a container beside the host, each with one request at a time, to an",
        "application that costs next to nothing. The role's site, and proxies written by hand on the same host with the same",
        f"certificate, by turns; the median of {ROUNDS} runs of ten seconds each, and of the ratios within a turn.",
        "",
        "| what | p95 | requests/s | the role's p95 against it | target | |",
        "|---|---|---|---|---|---|",
        f"| a site of the role `nginx` | {middle(costs[OURS]):.1f} ms | {throughput(costs[OURS]):.0f} | | | |",
        compared("a minimal proxy", costs[OURS], costs[PLAIN]),
        compared("one that keeps connections to the application", costs[OURS], costs[KEPT]),
        "",
        f"Sites on a host that had none before, and the same run again; medians of {REPETITIONS}.",
        "",
        "| what | time | against | ratio | target | |",
        "|---|---|---|---|---|---|",
        *map(str, rows),
        "",
        f"A site that lets an address ask {LIMIT['requests_per_second']} times a second. From one address come {rate:.0f} requests a second over",
        f"{FLOOD['clients']} connections, of which {100 * refused / asked:.0f} % are refused with 429.",
        f"From another one a visitor asks {visitor} times a second, by turns without and with the flood; medians of {ROUNDS}.",
        "There is no fail2ban here, which would end the flood.",
        "",
        "| the visitor meanwhile | p95 | requests | lost | ratio | target | |",
        "|---|---|---|---|---|---|---|",
        visited("quiet", floods["quiet"]),
        visited("flood from another address", floods["flooded"], floods["quiet"]),
    ]
    return "\n".join(lines)


def graded(said: dict[str, str]) -> str:
    return "\n".join(
        [
            "",
            "What testssl.sh says of the role's site; the scanners that take seconds gate scenario `nginx`.",
            "",
            "| grade | score | target | |",
            "|---|---|---|---|",
            f"| {said['grade']} | {said['score']} | A+ | {said['reasons'] or 'met'} |",
        ]
    )


def middle(samples: list[Sample]) -> float:
    return median(sample.p95 for sample in samples)


def throughput(samples: list[Sample]) -> float:
    return median(sample.rate for sample in samples)


def ratio(samples: list[Sample], others: list[Sample]) -> float:
    return median(one.p95 / other.p95 for one, other in zip(samples, others, strict=True))


def compared(what: str, ours: list[Sample], theirs: list[Sample]) -> str:
    against = ratio(ours, theirs)
    verdict = "met" if against <= 1.25 else "missed"
    return f"| {what} | {middle(theirs):.1f} ms | {throughput(theirs):.0f} | {against:.2f} | ≤ 1.25 | {verdict} |"


def visited(what: str, samples: list[Sample], quiet: list[Sample] | None = None) -> str:
    count = sum(sample.statuses.total() for sample in samples)
    lost = count - sum(sample.statuses["200"] for sample in samples)
    cells = [what, f"{middle(samples):.2f} ms", count, lost, "", "", ""]
    if quiet:
        against = ratio(samples, quiet)
        cells[4:] = f"{against:.2f}", "≤ 1.5", "met" if against <= 1.5 else "missed"
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
