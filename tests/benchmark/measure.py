"""Measure config_tree, an unchanged site and health_check; print the table. A missed target fails nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from endpoints import endpoints
from playbook import HERE, PROJECT, Timing, play
from table import Row, page

REPETITIONS = 3
FILES = 20
ENDPOINTS = 50
DELAY = 0.2


def main() -> None:
    load = os.getloadavg()[0]
    site_rows, slowest = site()
    rows = config_tree() + site_rows + health_check()
    print(page(rows, slowest, load), end="")


def config_tree() -> list[Row]:
    say("config_tree against template")
    with tempfile.TemporaryDirectory() as folder:
        templates = make_templates(Path(folder))
        runs: dict[str, list[Timing]] = {"first": [], "unchanged": []}
        for _ in range(REPETITIONS):
            for kind, timings in runs.items():
                fresh = kind == "first"
                timings.append(play(HERE / "config_tree.yml", templates=templates, fresh=fresh))
    return [row for kind, timings in runs.items() for row in compare_trees(kind, timings)]


def make_templates(folder: Path) -> str:
    """A tree of one file, one of many, and a `template` task for each of the many."""
    source = (HERE / "templates/site.conf.j2").read_text(encoding="utf-8")
    tasks = []
    for tree, count in (("one", 1), ("many", FILES)):
        (folder / tree).mkdir()
        for number in range(count):
            (folder / tree / f"service-{number}.conf.j2").write_text(source, encoding="utf-8")
    for path in (folder / "many").iterdir():
        dest = f"/srv/benchmark/tasks/{path.stem}"
        template = {
            "src": str(path),
            "dest": dest,
            "owner": "root",
            "group": "root",
            "mode": "0644",
        }
        tasks.append({"name": "Tasks", "ansible.builtin.template": template})
    (folder / "tasks.yml").write_text(json.dumps(tasks), encoding="utf-8")
    return str(folder)


def compare_trees(kind: str, timings: list[Timing]) -> list[Row]:
    one, many, loop, tasks = (
        median(timing.of(name) for timing in timings)
        for name in ("One file", "Tree", "Loop", "Tasks")
    )
    what = f"`config_tree`, {FILES} files, {kind} run"
    return [
        Row(what, many, "one file", one, "≤ 2", many <= 2 * one),
        Row(what, many, "`template` in a loop", loop, "≤ 1/8", many <= loop / 8),
        Row(what, many, f"{FILES} `template` tasks", tasks),
    ]


def site() -> tuple[list[Row], list[tuple[str, float]]]:
    say("site.yml on a bare host")
    playbook = PROJECT / "playbooks/site.yml"
    first = play(playbook)
    say("site.yml unchanged")
    runs = sorted((play(playbook) for _ in range(REPETITIONS)), key=lambda timing: timing.wall)
    again = runs[REPETITIONS // 2]
    what = (
        f"`site.yml` unchanged: {again.ok} tasks, {again.skipped} skipped, changed={again.changed}"
    )
    rows = [
        Row(what, again.wall, "bare host", first.wall, "≤ 30 s", again.wall <= 30),
        Row("the same run, against the aim", again.wall, target="≤ 15 s", met=again.wall <= 15),
    ]
    slowest = sorted(again.tasks, key=lambda task: task[1], reverse=True)[:5]
    return rows, slowest


def health_check() -> list[Row]:
    say("health_check against uri")
    playbook = HERE / "health_check.yml"
    with endpoints(ENDPOINTS, DELAY) as urls:
        module = median(module_seconds(urls) for _ in range(REPETITIONS))
        runs = [play(playbook, urls=urls) for _ in range(REPETITIONS)]
    task, loop = (
        median(timing.of(name) for timing in runs) for name in ("All at once", "One by one")
    )
    what = f"`health_check`, {ENDPOINTS} endpoints of {DELAY * 1000:.0f} ms"
    return [
        Row(f"{what}, the module", module, target="< 1 s", met=module < 1),
        Row(f"{what}, the task", task, "`uri` in a loop", loop),
    ]


def module_seconds(urls: list[str]) -> float:
    """The module as a process of its own: what is left of the task without Ansible's part."""
    checks = [{"name": url, "type": "http", "url": url} for url in urls]
    module = "ansible_collections.farol.vps.plugins.modules.health_check"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as arguments:
        json.dump({"ANSIBLE_MODULE_ARGS": {"checks": checks}}, arguments)
        arguments.flush()
        start = time.monotonic()
        command = [sys.executable, "-m", module, arguments.name]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - start


def say(what: str) -> None:
    print(f"benchmark: {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
