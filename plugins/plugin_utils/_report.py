# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results of health checks of many hosts, brought into one list, and that list as text for machines.

A check is what C(health_check) returns of it, with C(host) and C(seen_from) (C(outside), C(host) or C(backups)) beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

Check = dict[str, Any]

# XML 1.0 has no way to write these, not even escaped.
NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HOURS = 3600


class ReportError(ValueError):
    """What was given is no list of checks."""


def flat(results: Any, asked_by: str) -> list[Check]:
    """The checks of one list of results, or of several."""
    return list(_flat(results, asked_by))


def _flat(results: Any, asked_by: str) -> Iterator[Check]:
    if isinstance(results, (str, Mapping)) or not isinstance(results, Iterable):
        raise ReportError(
            f"{asked_by} takes the checks of farol.vps.health_check, a list, "
            f"not {type(results).__name__}"
        )
    for result in results:
        if isinstance(result, Mapping):
            yield _complete(result, asked_by)
        else:
            yield from _flat(result, asked_by)


def _complete(check: Mapping[str, Any], asked_by: str) -> Check:
    for key in ("name", "type", "target", "state", "latency_ms", "tries", "seen"):
        if key not in check:
            raise ReportError(
                f"{asked_by} takes the checks of farol.vps.health_check, and one has no {key!r}"
            )
    return dict(check)


def passed(check: Check) -> bool:
    return check["state"] == "passed"


def collected(
    host: str, address: str, tasks: Mapping[str, Any], max_backup_age: float
) -> list[Check]:
    """The checks of a host from what its tasks registered, by where they looked from.

    A task that did not get as far as checking is a failed check itself, so that no silence looks like success. All tasks
    that could not reach the host are one. C(max_backup_age) is in seconds.
    """
    found: list[Check] = []
    unreachable = ""
    for seen_from, task in tasks.items():
        if task is None or task.get("skipped"):
            continue
        if task.get("unreachable"):
            unreachable = unreachable or str(task.get("msg") or "no reason given")
        elif "checks" in task:
            if seen_from == "host":
                found.append(
                    _made(host, "host", "login", "ssh", address, "a login", "a login", True)
                )
            found += [{**check, "host": host, "seen_from": seen_from} for check in task["checks"]]
        elif "sources" in task and not task.get("failed"):
            found += _of_backups(host, task, max_backup_age)
        else:
            seen = str(task.get("msg") or "the task told nothing")
            found.append(_made(host, seen_from, "checks", "task", host, "results", seen))
    if unreachable:
        found.append(_made(host, "host", "login", "ssh", address, "a login", unreachable))
    return found or [_made(host, "host", "checks", "task", host, "results", "nothing was checked")]


def _of_backups(host: str, info: Mapping[str, Any], limit: float) -> list[Check]:
    checks = [
        _made(host, "backups", "storage", "backup", host, "an answer", str(fault))
        for fault in info.get("faults") or []
    ]
    expected = f"a whole backup of the last {limit / HOURS:g} h"
    for source, places in sorted(info["sources"].items()):
        for place, about in sorted(places.items()):
            ok, seen = _backup_state(about, limit)
            name = f"backup {source}"
            checks.append(_made(host, "backups", name, "backup", place, expected, seen, ok))
    return checks


def _backup_state(about: Mapping[str, Any], limit: float) -> tuple[bool, str]:
    newest = about.get("newest")
    why = f" ({about['last_error']})" if about.get("last_error") else ""
    if newest is None:
        return False, f"none{why}"
    seen = f"{newest['age'] / HOURS:.1f} h old"
    if about.get("drill_ok") is False:
        return False, f"{seen}; its restore drill failed: {about.get('drill_error') or 'no reason'}"
    return newest["age"] <= limit, f"{seen}{why}"


def _made(
    host: str,
    seen_from: str,
    name: str,
    kind: str,
    target: str,
    expected: str,
    seen: str,
    ok: bool = False,
) -> Check:
    return {
        "host": host,
        "seen_from": seen_from,
        "name": name,
        "type": kind,
        "target": target,
        "expected": expected,
        "seen": seen,
        "ok": ok,
        "state": "passed" if ok else "failed",
        "latency_ms": 0.0,
        "tries": 1,
    }


def by_host(checks: Iterable[Check]) -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for check in checks:
        found.setdefault(str(check.get("host") or ""), []).append(check)
    return found


def counts(checks: Iterable[Check]) -> dict[str, int]:
    states = [passed(check) for check in checks]
    return {"checks": len(states), "passed": sum(states), "failed": len(states) - sum(states)}


def junit(checks: list[Check], name: str, when: str = "") -> str:
    """JUnit XML with a suite for each host and a case for each check; times in seconds."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_totals(name, checks)}>"]
    for host, of_host in by_host(checks).items():
        stamp = f" timestamp={_attribute(when)}" if when else ""
        lines.append(f"  <testsuite {_totals(host or name, of_host)}{stamp}>")
        for check in of_host:
            lines += _case(check)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _totals(name: str, checks: list[Check]) -> str:
    # The checks of a host run at once, so their times do not add up.
    slowest = max((check["latency_ms"] for check in checks), default=0) / 1000
    return (
        f'name={_attribute(name)} tests="{len(checks)}" failures="{counts(checks)["failed"]}" '
        f'errors="0" time="{slowest:.3f}"'
    )


def _case(check: Check) -> Iterator[str]:
    classname = ".".join(str(check[key]) for key in ("host", "seen_from") if check.get(key))
    opening = (
        f"    <testcase classname={_attribute(classname or check['type'])} "
        f'name={_attribute(check["name"])} time="{check["latency_ms"] / 1000:.3f}"'
    )
    if passed(check):
        yield f"{opening}/>"
        return
    message = f"expected {check.get('expected', 'success')}; seen {check['seen']}"
    details = f"{check['type']} {check['target']}: {message}; tries: {check['tries']}"
    yield f"{opening}>"
    yield (
        f"      <failure type={_attribute(check['type'])} message={_attribute(message)}>"
        f"{escape(printable(details))}</failure>"
    )
    yield "    </testcase>"


def printable(value: Any) -> str:
    return NOT_XML.sub("\ufffd", str(value))


def _attribute(value: Any) -> str:
    return quoteattr(printable(value))
