"""What releases cost those who use the application meanwhile, and how long they take; prints a section of Markdown.

Takes a bare host of the benchmark's inventory. Beside the collection's releases, two other ways to bring a version
out are measured on the same host. Ends by itself after 25 minutes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable

import yaml
from deploy.page import Change, Loaded, Measured, page
from deploy.running import (
    HOST,
    OTHER,
    Run,
    answering,
    deploy,
    on_host,
    other,
    playbook,
    rollback,
    say,
    target,
    wait_for_step,
)
from load import Load, json_version
from playbook import PROJECT, play

STEPS = "disk pull migrate start gate flip ask drain services bake stop"
RIVALS = {"recreate": 8443, "switch": 8444}  # what on_host.py calls them, and their ports
MANY, FEW = 10, 3
LOAD = Loaded()
LIMIT = 25 * 60


class TooLong(Exception):
    pass


def main() -> None:
    measured = Measured(LOAD, os.getloadavg()[0])
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT)
    try:
        measure(measured)
        signal.alarm(0)
    except TooLong:
        measured.unfinished = f"The rest was not measured: {LIMIT // 60} minutes were over."
    print(page(measured))


def too_long(*_: object) -> None:
    raise TooLong


def measure(measured: Measured) -> None:
    play(PROJECT / "playbooks/site.yml", tags="docker,nginx,app")
    for _ in range(FEW):
        measured.starts["deploy"].append(on_host("start", answering()))
        measured.migrations.append(on_host("migrate", answering()))
        measured.quiet["deploy"].append(deploy(other(), app_bake_seconds=0))
    for _ in range(FEW):
        measured.starts["rollback"].append(on_host("start", answering()))
        measured.quiet["rollback"].append(rollback(to=other(), app_bake_seconds=0))
    changes = measured.changes
    for _ in range(MANY):
        changes["deploy"].append(deployed())
    for _ in range(MANY):
        changes["rollback"].append(rolled_back())
    for step in STEPS.split():
        changes["kill"].append(killed(step))
    for version in ("1.2.0-unhealthy", "1.2.0-crash"):
        changes[version].append(refused(version))
    for _ in range(FEW):
        changes["return"].append(left())
    on_host("rivals", answering())
    for name, port in RIVALS.items():
        for _ in range(FEW):
            changes[name].append(rival(name, port))
    on_host("remove")


def deployed() -> Change:
    version = other()
    return under_load(lambda: [deploy(version)], version)


def rolled_back() -> Change:
    version = other()
    return under_load(lambda: [rollback(to=version)], version)


def refused(version: str) -> Change:
    """A deploy that has to fail, with the old version serving all the while."""
    entries = yaml.safe_load((PROJECT / "inventories/demo/group_vars/all/apps.yml").read_text())
    entries["apps"][0]["health"]["timeout"] = 5
    return under_load(lambda: [deploy(version, **entries)], answering(), codes=[False])


def left() -> Change:
    """A deploy that is rolled back while the old release still runs beside the new one."""
    old = answering()

    def change() -> list[Run]:
        bakes = subprocess.Popen(
            playbook("deploy.yml", version=OTHER[old], app_bake_seconds=60),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_step("bake")
            return [rollback()]
        finally:
            bakes.wait(timeout=120)

    return under_load(change, old, websockets=0)


def killed(step: str) -> Change:
    """A deploy killed with SIGKILL at a step, and the same one again."""
    version = other()
    said: list[str] = []

    def change() -> list[Run]:
        with (PROJECT / "molecule/kill_at.py").open() as script:
            killer = subprocess.Popen(
                ["docker", "exec", "-i", HOST, "python3", "-", "api", step, "--limit", "60"],
                stdin=script,
                stdout=subprocess.PIPE,
                text=True,
            )
        killer.stdout.readline()  # it watches
        first = deploy(version, app_bake_seconds=1)
        said.append(killer.communicate(timeout=90)[0].strip())
        return [first, deploy(version, app_bake_seconds=1)]

    made = under_load(change, version, codes=[False, True], websockets=0)
    at = json.loads(said[0]).get("step")
    made.killed_at = step if at == step else f"{step} (over before; at {at})"
    if at is None:
        made.faults.append(f"it was not killed at {step}: {said[0]}")
    return made


def rival(name: str, port: int) -> Change:
    version = other(port)

    def change() -> list[Run]:
        on_host(name, version)
        return []

    return under_load(change, version, port=port)


def under_load(
    change: Callable[[], list[Run]],
    version: str,
    *,
    codes: Iterable[bool] = (True,),
    port: int = 443,
    websockets: int = LOAD.websockets,
) -> Change:
    """A change in the middle of a load; at its end this version has to answer."""
    # As clients do, the WebSockets leave at some time: well after the switch, before the old release may be stopped.
    held = {"websockets": websockets, "websocket_seconds": LOAD.seconds}
    with Load(target(port), rate=LOAD.rate, version=json_version, **held) as load:
        time.sleep(LOAD.before)
        start = time.monotonic()
        runs = change()
        seconds = time.monotonic() - start
        time.sleep(max(LOAD.after, LOAD.seconds - load.now()))
    made = Change(load.report(), seconds, runs)
    for run, good in zip(runs, codes, strict=False):
        if (run.code == 0) != good:
            made.faults.append(f"the playbook ended with {run.code}: {run.output[-2000:]}")
    answers = load.changes[-1][1] if load.changes else "nothing"
    if answers != version:
        made.faults.append(f"{answers} answers at the end, not {version}")
    lost = f"lost {dict(load.lost)}, cut {len(load.cut)}, late {load.late:.2f} s"
    say(f"to {version} in {made.seconds:.1f} s, {lost} {made.faults}")
    return made


if __name__ == "__main__":
    main()
