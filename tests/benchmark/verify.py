"""How long verify.yml takes for a host with many applications. Prints a section of Markdown. Takes a bare host."""

from __future__ import annotations

import sys
import tempfile
from statistics import median

from playbook import HERE, PROJECT, play
from table import Row

APPS = 50
REPETITIONS = 3
TARGET = 15  # seconds


def entries(count: int) -> list[dict[str, object]]:
    return [
        {
            "name": f"app-{number}",
            "domain": f"app-{number}.farol.test",
            "image": "none",
            "version": "1",
            "port": 8000,
            "host_port": 21000 + 2 * number,
            "services": {"worker": {"command": "sleep infinity"}},
        }
        for number in range(count)
    ]


def main() -> None:
    apps = entries(APPS)
    print(f"benchmark: a host with {APPS} applications", file=sys.stderr)
    play(HERE / "verify.yml", apps=apps)
    with tempfile.TemporaryDirectory() as folder:
        options = {"apps": apps, "verify_report_dir": folder}
        runs = [play(PROJECT / "playbooks/verify.yml", **options) for _ in range(REPETITIONS)]
    took = median(run.wall for run in runs)
    outside, inside = (
        median(run.of(name) for run in runs) for name in ("Ask from outside", "Ask on the host")
    )
    lines = [
        "## Verification",
        "",
        f"{APPS} applications on one host, each with a domain and a worker of its own. Medians of {REPETITIONS}.",
        "",
        "| what | time | against | ratio | target | |",
        "|---|---|---|---|---|---|",
        Row(
            f"`verify.yml`, {APPS} applications on one host",
            took,
            target=f"< {TARGET} s",
            met=took < TARGET,
        ),
        Row("of which from outside", outside),
        Row("of which on the host", inside),
    ]
    print("\n".join(map(str, lines)))


if __name__ == "__main__":
    main()
