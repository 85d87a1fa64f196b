# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary as plain text, short enough for a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_facts import Facts
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_words import (
    clock,
    count,
    day,
    duration,
    many,
    share,
    size,
)

# Beyond these nobody reads on.
MOST_ALERTS, MOST_DEPLOYS = 10, 10


def summary(facts: Facts) -> str:
    """Sections with an empty line between them; one that has nothing to tell is left out."""
    parts = [[heading(facts)], *(list(section(facts)) for section in SECTIONS)]
    if not facts["apps"] and not facts["hosts"]:
        parts.insert(1, ["Prometheus has no figures of this time."])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def heading(facts: Facts) -> str:
    days = round((facts["end"] - facts["start"]) / 86400)
    end = f"{day(facts['end'])}, {clock(facts['end'])} UTC"
    return f"{'24 hours' if days == 1 else f'{days} days'} until {end}"


def faults(facts: Facts) -> Iterator[str]:
    """What somebody has to look at."""
    for alert in facts["alerts"]:
        if alert["on"] and alert["severity"] != "info":
            yield f"❗ {alert_name(alert)} is on, for {duration(alert['seconds'])}"
    for backup in facts["backups"]:
        for key, what in (("ok", "backup"), ("drill_ok", "restore drill")):
            if backup.get(key) == 0:
                yield f"❗ The last {what} of {backup_name(backup)} failed"


def apps(facts: Facts) -> Iterator[str]:
    for name, app in facts["apps"].items():
        yield f"• {name}: " + ", ".join(app_words(app))
    shown = facts["deploys"][-MOST_DEPLOYS:]
    if facts["deploys"]:
        told = ", ".join(deploy_name(deploy, facts) for deploy in shown)
        more = len(facts["deploys"]) - len(shown)
        yield f"Deploys: {f'{more} before these, ' if more else ''}{told}"
    elif facts["apps"]:
        yield "No deploys"


def app_words(app: dict[str, Any]) -> Iterator[str]:
    requests = app.get("requests")
    if requests is None:
        yield "requests unknown"
    else:
        yield many(requests, "request")
    if requests:
        yield f"{share(100 * app.get('errors', 0) / requests, 2)} errors"
    if requests and app.get("p95") is not None:
        yield f"p95 {duration(app['p95'])}"
    if app.get("up") is not None:
        yield f"up {share(app['up'], 2)}"
    if app.get("certificate") is not None:
        yield f"certificate {duration(app['certificate'])}"
    for key in ("availability", "latency"):
        if app.get(key) is not None:
            yield f"{key} budget {share(app[key])} left"


def deploy_name(deploy: dict[str, Any], facts: Facts) -> str:
    # Within a day the time is enough.
    on = "" if facts["end"] - facts["start"] <= 86400 else f"{day(deploy['moment'])[:-5]} "
    return f"{deploy['app']} {deploy['release']} ({on}{clock(deploy['moment'])})"


def hosts(facts: Facts) -> Iterator[str]:
    for name, host in facts["hosts"].items():
        yield f"• {name}: " + ", ".join(host_words(host))
    for each in facts["restarts"]:
        yield f"• {each['host']}: {each['name']} restarted {many(each['count'], 'time')}"


def host_words(host: dict[str, Any]) -> Iterator[str]:
    yield f"up {share(host.get('up'), 2)}"
    for key, what in (("cpu", "processors {}"), ("memory", "memory at most {}")):
        if host.get(key) is not None:
            yield what.format(share(host[key]))
    if host.get("disk") is not None:
        yield f"disk {share(host['disk'])} ({host['mountpoint']})"
    for key, what in (("postgresql", "PostgreSQL"), ("redis", "Redis")):
        if host.get(key) is not None:
            yield f"{what} up {share(host[key], 2)}"
    if host.get("killed", 0) >= 0.5:
        yield f"{many(host['killed'], 'process', 'processes')} killed for lack of memory"
    if host.get("bans", 0) >= 0.5:
        yield f"{count(host['bans'])} addresses banned"
    if host.get("updates"):
        yield many(host["updates"], "security update") + " waiting"
    if host.get("reboot") is not None:
        yield f"waits for a reboot for {duration(host['reboot'])}"


def backups(facts: Facts) -> Iterator[str]:
    for backup in facts["backups"]:
        yield f"• {backup_name(backup)}: " + ", ".join(backup_words(backup))
    if facts["hosts"] and not facts["backups"]:
        yield "No backups are known"


def backup_name(backup: dict[str, Any]) -> str:
    to = f" to {backup['repository']}" if backup["repository"] else ""
    return f"{backup['source']} on {backup['host']}{to}"


def backup_words(backup: dict[str, Any]) -> Iterator[str]:
    if backup.get("ok") == 0:
        yield "FAILED"
    age = backup.get("age")
    yield "no good backup yet" if age is None else f"{duration(age)} old"
    if backup.get("size") is not None:
        yield size(backup["size"])
    if backup.get("drill_ok") == 0:
        yield "drill FAILED"
    drill = backup.get("drill_age")
    yield "never restored in a drill" if drill is None else f"drill {duration(drill)} ago"


def alerts(facts: Facts) -> Iterator[str]:
    past = [alert for alert in facts["alerts"] if not alert["on"]]
    for alert in past[:MOST_ALERTS]:
        times = f"{alert['count']} times, " if alert["count"] > 1 else ""
        yield f"• {alert_name(alert)}: {times}{duration(alert['seconds'])}"
    if len(past) > MOST_ALERTS:
        yield f"• and {len(past) - MOST_ALERTS} more"
    if facts["hosts"] and not facts["alerts"]:
        yield "No alerts"


def alert_name(alert: dict[str, Any]) -> str:
    """Where it is of many hosts or applications, it has no single one."""
    of = " on ".join(part for part in (alert["app"], alert["host"]) if part)
    return f"{alert['name']} ({of})" if of else alert["name"]


def _titled(title: str, section: Any) -> Any:
    def titled(facts: Facts) -> Iterator[str]:
        lines = list(section(facts))
        if lines:
            yield title
            yield from lines

    return titled


SECTIONS = (
    faults,
    _titled("Applications", apps),
    _titled("Hosts", hosts),
    _titled("Backups", backups),
    _titled("Alerts that are over", alerts),
)
