# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command farol-backup, which timers, playbooks and people run on a host."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_conf,
    _backup_drill,
    _backup_info,
    _backup_notify,
    _backup_records,
    _backup_restore,
    _backup_run,
    _backup_watch,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import PgBackRest
from ansible_collections.farol.vps.plugins.module_utils._backup_restic import Restic


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="farol-backup", description="Backups of this host, and what comes back of them."
    )
    parser.add_argument("--config", default=_backup_conf.CONFIG, help=argparse.SUPPRESS)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="back a source up to all repositories")
    run.add_argument("source")
    run.add_argument(
        "--kind",
        choices=["full", "diff", "incr"],
        default="",
        help="of a cluster's backup; by their age unless given",
    )
    info = verbs.add_parser("info", help="what is in the storage")
    info.add_argument("source", nargs="?", default="")
    info.add_argument("--of-host", default="", help="another host's backups")
    info.add_argument("--json", action="store_true")
    drill = verbs.add_parser(
        "drill", help="restore the newest backup into a scratch place, check it, and remove it"
    )
    drill.add_argument("source")
    restore = verbs.add_parser(
        "restore", help="restore, check, and put it in the place of what is live"
    )
    restore.add_argument("source")
    restore.add_argument("--confirm", default="", help="the name of the source once more")
    restore.add_argument(
        "--backup", default="", help="a backup's name, unless the newest is wanted"
    )
    restore.add_argument(
        "--at", default="", help="a moment with its zone, as in 2026-11-25T04:00:00+00:00"
    )
    restore.add_argument(
        "--timeline", default="", help="for a moment on a timeline that an earlier restore has left"
    )
    restore.add_argument("--of-host", default="", help="another host's backup")
    restore.add_argument("--repository", default="", help="unless the first that has it")
    restore.add_argument(
        "--discard-replaced",
        action="store_true",
        help="remove what was live before, once the restored data has passed its checks",
    )
    restore.add_argument("--json", action="store_true")
    verify = verbs.add_parser("verify", help="read all backups back from the storage")
    verify.add_argument("source", nargs="?", default="")
    prepare = verbs.add_parser("prepare", help="have a place for everything in every repository")
    prepare.add_argument(
        "--upgrade", action="store_true", help="after the cluster has become another one"
    )
    verbs.add_parser("probe", help="whether every repository lets this host in")
    verbs.add_parser("watch", help="whether WAL reaches the archive")
    ended = verbs.add_parser("ended", help="what systemd runs after a run, however it ended")
    ended.add_argument("what", choices=["run", "drill"])
    ended.add_argument("source")
    return parser.parse_args(given)


def load(path: str) -> dict[str, Any]:
    try:
        with open(path) as handle:
            return json.load(handle)
    except FileNotFoundError:
        raise Failed(f"{path} is not there; run the role backup") from None
    except PermissionError:
        raise Failed(f"{path} is for root alone; run this with sudo") from None


def say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


def tell(host: Host, event: str, text: str) -> None:
    for line in _backup_notify.tell(host.config.get("notify") or {}, event, host.hide(text)):
        say(line)


def run(host: Host, given: argparse.Namespace) -> None:
    name = given.source
    try:
        lines = _backup_run.run(host, name, given.kind)
    except Failed as error:
        tell(host, "failure", f"Backup of {name} on {host.config['host']} failed. {error}")
        raise
    say("\n".join(lines))
    tell(host, "success", f"Backup on {host.config['host']}: {'; '.join(lines)}")


def drill(host: Host, given: argparse.Namespace) -> None:
    report = _backup_drill.drill(host, given.source)
    bad = [result for result in report["results"] if not result["ok"]]
    for result in report["results"]:
        if result["ok"]:
            checks = ", ".join(result["checks"])
            say(
                f"{given.source} from {result['repository']}: {result['backup']} restored in {result['seconds']} s, "
                f"data from {result['data_from']}; {checks}"
            )
    if bad:
        text = "\n".join(
            f"{given.source} from {result['repository']}: {result['error']}" for result in bad
        )
        tell(
            host,
            "failure",
            f"Restore drill of {given.source} on {host.config['host']} failed. {text}",
        )
        raise Failed(text)
    tell(host, "success", f"Restore drill of {given.source} on {host.config['host']} passed")


def restore(host: Host, given: argparse.Namespace) -> None:
    wanted = _backup_drill.Wanted(
        given.of_host, given.repository, given.backup, given.at, given.timeline
    )
    done = _backup_restore.restore(
        host, given.source, given.confirm, wanted, given.discard_replaced
    )
    say(json.dumps(done) if given.json else told(done))


def told(done: dict[str, Any]) -> str:
    lines = [
        f"{done['source']} on {done['host']} is restored from {done['backup']} of {done['of_host']} in {done['repository']} "
        f"after {done['seconds']} s; its data is from {done['data_from']}.",
        f"Checked: {', '.join(done['checks'])}.",
    ]
    if done["replaced"]:
        lines.append(f"What it replaced is {done['replaced']}; remove it once you are sure.")
    if done["remark"]:
        lines.append(f"{done['remark'][0].upper()}{done['remark'][1:]}.")
    return "\n".join(lines)


def info(host: Host, given: argparse.Namespace) -> None:
    found = _backup_info.collect(host, given.source, given.of_host, time.time())
    if given.json:
        say(json.dumps(found))
        return
    say(_backup_records.table(found["backups"]))
    if found["faults"]:
        raise Failed("\n".join(found["faults"]))


def verify(host: Host, given: argparse.Namespace) -> None:
    faults = []
    checked: set[str] = set()
    for name in [given.source] if given.source else _backup_conf.names(host.config):
        for repository in host.config["repositories"]:
            place = repository["name"]
            cluster = _backup_conf.is_cluster(host.config, name)
            if not cluster and place in checked:
                continue  # restic reads a repository as a whole
            try:
                _backup_drill.verify(host, name, place)
                say(
                    f"{name if cluster else 'restic'} in {place}: everything read back is as it was stored"
                )
            except Failed as error:
                faults.append(str(error))
            checked |= set() if cluster else {place}
    if faults:
        raise Failed("\n".join(faults))


def prepare(host: Host, given: argparse.Namespace) -> None:
    for repository in host.config["repositories"]:
        place = repository["name"]
        for cluster in host.config["clusters"]:
            if PgBackRest(host).prepare(cluster["name"], place, given.upgrade):
                say(f"{cluster['name']} has its place in {place}")
        if host.config["sources"] and Restic(host, repository).prepare():
            say(f"restic has its repository in {place}")
    fresh = [n for n in _backup_conf.names(host.config) if not (host.state(n).get("backup"))]
    for name in fresh if host.config["repositories"] else ():
        host.run(["systemctl", "start", "--no-block", f"farol-backup@{name}"])


def probe(host: Host, _given: argparse.Namespace) -> None:
    """What can be known before anything is changed: places, credentials, passwords, clusters."""
    for cluster in host.config["clusters"]:
        path = f"/etc/postgresql/{cluster['version']}/{cluster['cluster']}/postgresql.conf"
        if not os.path.exists(path):
            _code, out, _err = host.run(["pg_lsclusters", "--no-header"])
            there = ", ".join(" ".join(line.split()[:2]) for line in out.splitlines()) or "none"
            raise Failed(
                f"{cluster['name']}: there is no cluster {cluster['version']} {cluster['cluster']} on this host (there is {there}); "
                "correct version and cluster in backup_clusters, or install PostgreSQL first"
            )
    for repository in host.config["repositories"]:
        place = repository["name"]
        if host.config["clusters"]:
            PgBackRest(host).probe(place)
        if host.config["sources"]:
            Restic(host, repository).there()


def watch(host: Host, _given: argparse.Namespace) -> None:
    _backup_watch.watch_all(host)


def ended(host: Host, given: argparse.Namespace) -> None:
    """A run that was killed could not say so itself."""
    name, part = given.source, {"run": "backup", "drill": "drill"}[given.what]
    if part == "drill":
        # One that somebody runs by hand meanwhile keeps its place.
        with suppress(Failed), host.lock(f"drill-{name}", wait=False):
            _backup_drill.clean(host, name, _backup_drill.scratch_folder(host, name))
    begun = (host.state(name).get("running") or {}).get(part)
    if os.environ.get("SERVICE_RESULT", "success") == "success" or not begun:
        return
    how = f"{os.environ.get('EXIT_CODE', '')} {os.environ.get('EXIT_STATUS', '')}".strip()
    text = f"it was killed or gave up ({how}); what was there before is still there. Look at 'journalctl -u farol-{part}@{name}'"
    for repository in host.config["repositories"]:
        record = (host.state(name).get(part) or {}).get(repository["name"], {})
        if record.get("run", 0) < begun:
            host.ended(name, part, repository["name"], begun, text)
    host.note(name, "running", "", **{part: None})
    tell(host, "failure", f"{given.what} of {name} on {host.config['host']}: {text}")


VERBS = {
    "run": run,
    "info": info,
    "drill": drill,
    "restore": restore,
    "verify": verify,
    "prepare": prepare,
    "probe": probe,
    "watch": watch,
    "ended": ended,
}


def main() -> None:
    os.umask(0o077)
    given = arguments(sys.argv[1:])
    try:
        config = load(given.config)
        VERBS[given.verb](Host(config), given)
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
