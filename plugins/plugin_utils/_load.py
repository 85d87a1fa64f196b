# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load tests: what an entry of C(apps) asks for, and whether a run is worse than the stored one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._apps import App
from ansible_collections.farol.vps.plugins.plugin_utils._options import check_options

Figures = Mapping[str, Any]

PATH = {
    "path": {"type": "str", "required": True},
    "weight": {"type": "int"},
    "method": {"type": "str"},
    "headers": {"type": "dict"},
    "body": {"type": "raw"},
    "status": {"type": "list", "elements": "int"},
}
NUMBER = {"type": "raw"}
LOAD_TEST = {
    "paths": {"type": "list", "elements": "dict", "required": True, "options": PATH},
    "requests_per_second": NUMBER,
    "seconds": {"type": "int"},
    "users": {"type": "int"},
    "timeout": NUMBER,
    "max_failed_percent": NUMBER,
    "drain": {
        "type": "dict",
        "options": {"command": {"type": "str", "required": True}, "timeout": {"type": "int"}},
    },
}
POSITIVE = ("requests_per_second", "seconds", "users", "timeout")
# What is the playbook's, and not the module's.
JUDGED = ("max_failed_percent", "drain")

# Each with the requests that it takes to mean something.
TIMES = {"p50_ms": 20, "p95_ms": 100, "p99_ms": 500}
# Below this many milliseconds, or seconds of draining, a difference is noise.
FLOOR_MS, FLOOR_SECONDS = 10, 2
# Share of the wanted rate that has to be reached, less would measure a test that could not keep up.
REACHED = 0.9


class LoadError(ValueError):
    """A scenario that can't be run."""


def scenarios(
    apps: Sequence[App], address: str = "", ca_file: str | None = None
) -> list[dict[str, Any]]:
    """For each application with a C(load_test): C(name), C(options) of the module, C(max_failed_percent), C(drain)."""
    found = []
    faults: list[str] = []
    for app in apps:
        given = _plain(app.get("load_test"))
        if given is None:
            continue
        faults += [f"{app['name']}: {fault}" for fault in _faults(given)]
        found.append((app, given))
    if faults:
        raise LoadError("; ".join(faults))
    return [_scenario(app, given, address, ca_file) for app, given in found]


def _plain(value: Any) -> Any:
    """A copy without Ansible's own containers, which cost a warning where they are copied deeply."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _faults(given: Any) -> Iterator[str]:
    if not isinstance(given, Mapping):
        yield "load_test: expected a dictionary with paths"
        return
    wrong = check_options(given, LOAD_TEST, "load_test")
    yield from wrong
    if wrong:
        return
    if not given["paths"]:
        yield "load_test.paths: names no path"
    for index, path in enumerate(given["paths"]):
        if not path["path"].startswith("/"):
            yield f"load_test.paths[{index}].path: {path['path']!r} is no path; begin with /"
        if path.get("weight") is not None and path["weight"] < 1:
            yield f"load_test.paths[{index}].weight: {path['weight']} is never chosen; use 1 or more"
    for key in POSITIVE:
        if given.get(key) is not None and not _number(given[key], 0, above=True):
            yield f"load_test.{key}: {given[key]!r} is no number above 0"
    share = given.get("max_failed_percent")
    if share is not None and not _number(share, 0):
        yield f"load_test.max_failed_percent: {share!r} is no number from 0 on"


def _number(value: Any, least: float, above: bool = False) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value > least if above else value >= least


def _scenario(app: App, given: Figures, address: str, ca_file: str | None) -> dict[str, Any]:
    own = {key: value for key, value in given.items() if key not in JUDGED and value is not None}
    options = {"url": f"https://{app['domain']}", "address": address, **own}
    if ca_file:
        options["ca_file"] = ca_file
    return {
        "name": app["name"],
        "options": options,
        "max_failed_percent": given.get("max_failed_percent") or 0,
        "drain": given.get("drain") or {},
    }


def compare(
    figures: Figures,
    baseline: Figures | None,
    scenario: Mapping[str, Any],
    margin: float,
    host: str = "",
) -> dict[str, Any]:
    """Rows of a table and the faults, each with its name. C(margin) is in percent."""
    before = (baseline or {}).get("figures") or {}
    where = _where(scenario, host)
    faults = [*_failed(figures, scenario, where), *_too_slow(figures, scenario, where)]
    if before and _load(baseline or {}) != _load(scenario):
        faults.append(
            f"load_test.baseline: {where}: the stored figures are of another rate or of other paths; "
            "store new ones with -e load_test_save=true"
        )
        before = {}
    places = {"all": (figures["total"], before.get("total") or {})}
    for path, found in figures["paths"].items():
        places[path] = (found, (before.get("paths") or {}).get(path) or {})
    for place, (found, stored) in places.items():
        faults += _regressions(f"{where}: {place}", found, stored, margin)
    faults += _drain(figures, before, where, margin)
    rows = [_row(place, found, stored) for place, (found, stored) in places.items()]
    return {"faults": faults, "rows": rows, "compared": bool(before)}


def _where(scenario: Mapping[str, Any], host: str) -> str:
    return f"{scenario['name']}{f' on {host}' if host else ''}"


def drained(
    figures: Figures, waited: Mapping[str, Any], scenario: Mapping[str, Any], host: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The figures with C(drain_seconds), and the fault where the queue did not get empty.

    C(waited) is what a command registered that ended when it was, or with timeout(1)'s 124.
    """
    if waited.get("rc") is None:
        return dict(figures), []
    if waited["rc"] == 0:
        hours, minutes, seconds = str(waited["delta"]).split(":")
        return {
            **figures,
            "drain_seconds": 3600 * int(hours) + 60 * int(minutes) + float(seconds),
        }, []
    timeout = scenario["drain"].get("timeout") or 60
    said = " ".join(str(waited.get("stderr") or "").split())[-200:]
    reason = f"; the command said: {said}" if said else ""
    return dict(figures), [
        f"load_test.drain: {_where(scenario, host)}: the queue was not empty after {timeout} s{reason}"
    ]


def _load(described: Mapping[str, Any]) -> Any:
    """What has to be the same for two runs to be comparable."""
    options = described.get("options") or {}
    paths = [
        [path["path"], path.get("method") or "GET", path.get("weight") or 1]
        for path in options.get("paths") or []
    ]
    return [float(options.get("requests_per_second") or 10), paths]


def stored(scenario: Mapping[str, Any], figures: Figures, when: str) -> dict[str, Any]:
    """What is kept as a baseline; headers and bodies are left out, they may hold secrets."""
    options = scenario["options"]
    rate = options.get("requests_per_second") or 10
    kept = ("path", "method", "weight")
    paths = [{key: path[key] for key in kept if path.get(key)} for path in options["paths"]]
    about = {"requests_per_second": rate, "paths": paths}
    return {"name": scenario["name"], "when": when, "options": about, "figures": figures}


def _failed(figures: Figures, scenario: Mapping[str, Any], where: str) -> Iterator[str]:
    total = figures["total"]
    share = 100 * total["failed"] / total["requests"]
    if share > scenario["max_failed_percent"]:
        worst = sorted(figures["errors"].items(), key=lambda item: -item[1])[:3]
        reasons = "; ".join(f"{count} times {text}" for text, count in worst)
        yield (
            f"load_test.failures: {where}: {total['failed']} of {total['requests']} requests failed "
            f"({share:.2f} %, allowed {scenario['max_failed_percent']:g} %): {reasons}"
        )


def _too_slow(figures: Figures, scenario: Mapping[str, Any], where: str) -> Iterator[str]:
    wanted = float(scenario["options"].get("requests_per_second") or 10)
    reached = figures["total"]["requests_per_second"]
    if reached < REACHED * wanted:
        yield (
            f"load_test.rate: {where}: {reached:g} of {wanted:g} requests/s were sent; the application answers too slowly "
            "for them, or the controller can't send so many: set users in load_test, or test from a faster machine"
        )


def _regressions(where: str, found: Figures, before: Figures, margin: float) -> Iterator[str]:
    for key, enough in TIMES.items():
        if before.get(key) is None or min(found["requests"], before["requests"]) < enough:
            continue
        limit = max(before[key] * (1 + margin / 100), before[key] + FLOOR_MS)
        if found[key] > limit:
            yield (
                f"load_test.regression: {where}: {key.removesuffix('_ms')} is {found[key]:g} ms, "
                f"over {limit:g} ms (stored {before[key]:g} ms, margin {margin:g} %)"
            )


def _drain(figures: Figures, before: Figures, where: str, margin: float) -> Iterator[str]:
    now, then = figures.get("drain_seconds"), before.get("drain_seconds")
    if now is None or then is None:
        return
    limit = max(then * (1 + margin / 100), then + FLOOR_SECONDS)
    if now > limit:
        yield (
            f"load_test.regression: {where}: the queue took {now:.1f} s to drain, over {limit:.1f} s "
            f"(stored {then:.1f} s, margin {margin:g} %)"
        )


COLUMNS = ("application", "what", "requests", "failed", "per second", "p50 ms", "p95 ms", "p99 ms")
LEFT = 2
PATH_WIDTH = 40


def _row(place: str, found: Figures, before: Figures) -> list[str]:
    shown = place if len(place) <= PATH_WIDTH else f"{place[: PATH_WIDTH - 1]}…"
    times = [_with_change(found[key], before.get(key)) for key in TIMES]
    return [
        shown,
        str(found["requests"]),
        str(found["failed"]),
        f"{found['requests_per_second']:.1f}",
        *times,
    ]


def _with_change(now: float, before: float | None) -> str:
    if not before:
        return f"{now:g}"
    return f"{now:g} ({100 * (now - before) / before:+.0f} %)"


def table(compared: Iterable[Mapping[str, Any]]) -> str:
    """One line for each application and path; in brackets, the change against what is stored."""
    rows = [list(COLUMNS)]
    for one in compared:
        rows += [[one["name"], *row] for row in one["rows"]]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < LEFT else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
