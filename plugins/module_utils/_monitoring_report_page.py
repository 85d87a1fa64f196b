# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a week as one page that needs nothing else: neither a server nor a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_chart import (
    chart,
    named,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_facts import (
    DISK,
    Facts,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_prometheus import (
    Labels,
    Points,
    Prometheus,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_text import (
    alert_name,
    backup_name,
    faults,
    heading,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_words import (
    UNKNOWN,
    clock,
    count,
    day,
    duration,
    share,
    size,
)

# Between two points, in seconds. A week has 336 of them, about as many as a chart can show.
STEP = 1800


class Chart(NamedTuple):
    """C(most) is the largest value there is. C(deploys): whether they are marked."""

    title: str
    question: str
    labels: tuple[str, ...]
    words: Callable[[float], str]
    most: float | None = None
    deploys: bool = False


def _rate(value: float) -> str:
    return f"{value:.3g}/s"


def _fine(value: float) -> str:
    return share(value, 2)


ALL = 'sum by (app) (increase(farol_nginx_requests_total{app!=""}[30m]))'
ERRORS = 'sum by (app) (increase(farol_nginx_requests_total{app!="",status=~"5.."}[30m]))'
BUCKETS = 'sum by (app, le) (increase(farol_nginx_request_seconds_bucket{app!=""}[30m]))'
OF_APPS = (
    Chart("Requests", f"{ALL} / 1800", ("app",), _rate, deploys=True),
    Chart(
        "Errors (5xx), share of the requests",
        f"100 * ({ERRORS} or 0 * {ALL}) / ({ALL} > 0)",
        ("app",),
        _fine,
        100,
        True,
    ),
    Chart(
        "95 % of the requests are faster than",
        f"histogram_quantile(0.95, {BUCKETS})",
        ("app",),
        duration,
        deploys=True,
    ),
    Chart(
        "Health page, share of the time that it answered",
        '100 * avg by (app) (avg_over_time(probe_success{app!=""}[30m]))',
        ("app",),
        _fine,
        100,
        True,
    ),
)
OF_HOSTS = (
    Chart(
        "Processors in use",
        "100 - 100 * avg by (host) (sum by (host, cpu)"
        ' (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[30m])))',
        ("host",),
        share,
        100,
    ),
    Chart(
        "Memory in use",
        "100 - 100 * min by (host) (min_over_time(node_memory_MemAvailable_bytes[30m]))"
        " / max by (host) (node_memory_MemTotal_bytes)",
        ("host",),
        share,
        100,
    ),
    Chart(
        "Disks in use", f"max by (host, mountpoint) ({DISK})", ("host", "mountpoint"), share, 100
    ),
    Chart(
        "PostgreSQL's connections, of those it allows",
        "100 * sum by (host) (pg_stat_activity_count) / min by (host) (pg_settings_max_connections)",
        ("host",),
        share,
        100,
    ),
)
Series = dict[str, list[tuple[Labels, Points]]]


def measure(prometheus: Prometheus, seconds: int) -> Series:
    """The lines of each chart, by its title."""
    return {
        each.title: prometheus.over(each.question, seconds, STEP) for each in OF_APPS + OF_HOSTS
    }


def page(facts: Facts, series: Series) -> str:
    title = f"Report of {heading(facts)}"
    body = [
        f"<header><h1>{escape(title)}</h1></header>",
        _faults(facts),
        *_section("Applications", _apps(facts), _charts(OF_APPS, series, facts)),
        *_section("Deploys", _deploys(facts)),
        *_section("Hosts", _hosts(facts), _charts(OF_HOSTS, series, facts)),
        *_section("Backups", _backups(facts)),
        *_section("Certificates on the hosts", _certificates(facts)),
        *_section("Alerts", _alerts(facts)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _section(title: str, *parts: str) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", *parts]


def _faults(facts: Facts) -> str:
    found = [f"<li>{escape(text)}</li>" for text in faults(facts)]
    if not facts["apps"] and not facts["hosts"]:
        found.append("<li>Prometheus has no figures of this time.</li>")
    return f'<ul class="faults">{"".join(found)}</ul>' if found else ""


def _charts(charts: Sequence[Chart], series: Series, facts: Facts) -> str:
    marks = [
        (deploy["moment"], f"{deploy['app']} {deploy['release']}") for deploy in facts["deploys"]
    ]
    drawn = [
        chart(
            each.title,
            named(series.get(each.title, []), *each.labels),
            facts["start"],
            facts["end"],
            STEP,
            each.words,
            marks if each.deploys else (),
            each.most,
        )
        for each in charts
    ]
    return f'<div class="charts">{"".join(drawn)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    if not lines:
        return '<p class="none">none</p>'
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<div><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"


def _known(words: Callable[[float], str], value: float | None) -> str:
    return "" if value is None else words(value)


def _apps(facts: Facts) -> str:
    def row(name: str, app: dict[str, Any]) -> Sequence[str]:
        requests, errors = app.get("requests"), app.get("errors", 0)
        return (
            name,
            count(requests),
            share(100 * errors / requests, 2) if requests else "",
            _known(duration, app.get("p95")) if requests else "",
            _known(_fine, app.get("up")),
            _known(duration, app.get("certificate")),
            _known(share, app.get("availability")),
            _known(share, app.get("latency")),
        )

    head = (
        *("Application", "Requests", "Errors", "p95", "Up", "Certificate"),
        *("Budget left: availability", "latency"),
    )
    return table(head, (row(name, app) for name, app in facts["apps"].items()))


def _deploys(facts: Facts) -> str:
    return table(
        ("When (UTC)", "Application", "Release"),
        (
            (f"{day(each['moment'])}, {clock(each['moment'])}", each["app"], each["release"])
            for each in facts["deploys"]
        ),
    )


def _hosts(facts: Facts) -> str:
    restarts: dict[str, int] = {}
    for each in facts["restarts"]:
        restarts[each["host"]] = restarts.get(each["host"], 0) + each["count"]

    def row(name: str, host: dict[str, Any]) -> Sequence[str]:
        disk = host.get("disk")
        return (
            name,
            share(host.get("up"), 2),
            _known(duration, host.get("running")),
            _known(share, host.get("cpu")),
            _known(share, host.get("memory")),
            "" if disk is None else f"{share(disk)} ({host['mountpoint']})",
            _known(_fine, host.get("postgresql")),
            _known(_fine, host.get("redis")),
            count(restarts.get(name, 0)),
            _known(count, host.get("bans")),
            _known(count, host.get("updates")),
            _known(duration, host.get("reboot")),
        )

    head = (
        *("Host", "Up", "Running for", "Processors", "Memory at most", "Fullest disk"),
        *("PostgreSQL up", "Redis up", "Container restarts", "Addresses banned"),
        *("Updates waiting", "Reboot due for"),
    )
    return table(head, (row(name, host) for name, host in facts["hosts"].items()))


def _result(ok: float | None) -> str:
    return UNKNOWN if ok is None else "good" if ok else "FAILED"


def _backups(facts: Facts) -> str:
    return table(
        ("Backup", "Last one", "Age of the last good one", "Data", "Last drill", "Last good drill"),
        (
            (
                backup_name(each),
                _result(each.get("ok")),
                duration(each.get("age")),
                _known(size, each.get("size")),
                _result(each.get("drill_ok")),
                "never" if each.get("drill_age") is None else f"{duration(each['drill_age'])} ago",
            )
            for each in facts["backups"]
        ),
    )


def _certificates(facts: Facts) -> str:
    return table(
        ("Host", "Certificate", "Left"),
        (
            (each["host"], each["name"], duration(each["left"]) if each["left"] > 0 else "ENDED")
            for each in sorted(facts["certificates"], key=lambda each: each["left"])
        ),
    )


def _alerts(facts: Facts) -> str:
    return table(
        ("Alert", "Severity", "Times", "Together", ""),
        (
            (
                alert_name(each),
                each["severity"],
                count(each["count"]),
                duration(each["seconds"]),
                "still on" if each["on"] else "",
            )
            for each in facts["alerts"]
        ),
    )


# Colours that people who see fewer of them can tell apart as well.
COLOURS = (
    *("#1b82c9", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5fd0", "#8a8a8a"),
)
STYLE = (
    """
:root { color-scheme: light dark; --text: #1d2733; --dim: #5f6b7a; --line: #d8dee6; --back: #fff; --bad: #b3261e; --badback: #fdecea }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e9f0; --dim: #98a4b3; --line: #35404d; --back: #14191f; --bad: #ff9a90; --badback: #3a1a18 }
}
body { margin: 0 auto; padding: 1rem; max-width: 84rem; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.35rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
div { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap }
th { color: var(--dim); font-weight: 600; white-space: normal; vertical-align: bottom }
.faults { margin: 0; padding: .7rem 1rem; list-style: none; border-radius: .4rem; background: var(--badback); color: var(--bad) }
.none { color: var(--dim) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1rem 2rem; margin-top: 1rem }
figure { margin: 0 } figcaption { font-weight: 600 }
svg { width: 100%; height: auto; display: block }
svg line { stroke: var(--line) } svg text { fill: var(--dim); font-size: 11px }
svg .mark { stroke: var(--dim); stroke-dasharray: 3 3 }
svg path { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round }
figure ul { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0; padding: 0; list-style: none; font-size: 13px }
figure li::before { content: "\\25CF "} figure small { color: var(--dim) }
"""
    + "".join(f".c{number} {{ color: {colour} }}\n" for number, colour in enumerate(COLOURS))
    + "@media print { figure, tr { break-inside: avoid } }\n"
)
