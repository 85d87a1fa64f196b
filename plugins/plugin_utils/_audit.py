# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings of an audit, each with a severity and a remedy; from them a score, and what changed since the last one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils import _docker_bench

SEVERITIES = ("high", "medium", "low")
COST = {"high": 15, "medium": 5, "low": 1}
# Many trifles are no catastrophe.
LOW_AT_MOST = 20

OLD_IMAGE_DAYS = 90
OLD_LISTS_DAYS = 3
CERTIFICATE_DAYS = 14
KEPT = 500

LYNIS = "https://cisofy.com/lynis/controls/{test}/"
HEADERS = {
    "strict-transport-security": "medium",
    "content-security-policy": "medium",
    "x-content-type-options": "low",
    "x-frame-options": "low",
    "referrer-policy": "low",
}


@dataclass(frozen=True)
class Finding:
    """C(id) is the same in each audit; C(reason) says why it is accepted, and is empty where it is not."""

    id: str
    host: str
    tool: str
    severity: str
    text: str
    remedy: str
    reason: str = ""


def findings_of(host: str, seen: Mapping[str, Any], meant: Iterable[int]) -> list[Finding]:
    """All findings of a host. C(seen) holds what the tasks registered: C(lynis), C(bench), C(host) and C(outside)."""
    found = [
        *_unseen(host, seen),
        *_of_lynis(host, seen.get("lynis") or {}),
        *_of_bench(host, seen.get("bench") or {}),
        *_of_host(host, seen.get("host") or {}),
        *_of_outside(host, seen.get("outside") or {}, set(meant)),
    ]
    return list({finding.id: finding for finding in found}.values())


def _unseen(host: str, seen: Mapping[str, Any]) -> Iterator[Finding]:
    """A look that told nothing is a finding, so that a host that is down has no full score."""
    for part, key in (("host", "updates"), ("outside", "ports")):
        told = seen.get(part) or {}
        if key not in told:
            why = told.get("msg") or "the task did not run"
            text = f"could not be looked at ({part}): {why}"
            yield Finding(
                f"unseen:{part}",
                host,
                "audit",
                "high",
                text,
                "mend what the error names, and run it again",
            )


def _of_lynis(host: str, report: Mapping[str, Any]) -> Iterator[Finding]:
    for found in report.get("findings") or []:
        severity = "medium" if found["kind"] == "warning" else "low"
        remedy = (
            f"see {LYNIS.format(test=found['test'])}, or 'lynis show details {found['test']}' on the host; "
            "hardening_audit_reasons says why it stays"
        )
        yield Finding(
            f"lynis:{found['test']}:{found['text']}",
            host,
            "lynis",
            severity,
            found["text"],
            remedy,
            found["reason"],
        )
    for one in report.get("open") or []:
        text = (
            f"{one['kind']} {one['name']} is {one['found'] or 'absent'} instead of {one['wanted']}"
        )
        remedy = "run site.yml; where that changes nothing, waive the rule in hardening_waivers"
        yield Finding(f"rule:{one['name']}", host, "rules", "low", text, remedy, one["reason"])


def _of_bench(host: str, ran: Mapping[str, Any]) -> Iterator[Finding]:
    """Warnings of the CIS benchmark's checks. What gives a container the host is found by itself, as a grave one."""
    try:
        warned = _docker_bench.read(str(ran.get("stdout") or ""))
    except ValueError:
        return
    for one in warned:
        items = f": {_some(one.items)}" if one.items else ""
        remedy = one.remedy or (
            f"see {one.id} in the CIS Docker Benchmark; audit_accepted takes a reason where it stays"
        )
        yield Finding(
            f"docker-bench:{one.id}", host, "docker-bench", "low", f"{one.text}{items}", remedy
        )


def _of_host(host: str, seen: Mapping[str, Any]) -> Iterator[Finding]:
    def finding(name: str, severity: str, text: str, remedy: str) -> Finding:
        return Finding(name, host, "host", severity, text, remedy)

    pending = seen.get("updates") or []
    for security in (True, False):
        packages = sorted(one["package"] for one in pending if one["security"] is security)
        if packages:
            kind = "security updates" if security else "updates"
            yield finding(
                f"updates:{'security' if security else 'other'}",
                "high" if security else "low",
                f"{len(packages)} {kind} pending: {_some(packages)}",
                "systemctl start apt-daily-upgrade on the host, or wait for its next window"
                if security
                else "apt-get dist-upgrade on the host, Docker's packages at a quiet time",
            )
    age = seen.get("updates_age")
    if age is not None and age > OLD_LISTS_DAYS:
        text = f"the host last looked for updates {age:g} days ago"
        yield finding(
            "updates:stale", "medium", text, "systemctl status apt-daily.timer on the host"
        )
    if seen.get("reboot_required"):
        packages = _some(seen.get("reboot_packages") or ["a package"])
        remedy = "reboot, or set hardening_upgrades_reboot to a time"
        yield finding("reboot", "medium", f"a reboot is due for {packages}", remedy)
    for one in seen.get("secrets") or []:
        yield finding(
            f"secret:{one['path']}",
            "high",
            f"{one['path']} has mode {one['mode']} of {one['owner']}, so others read it or its group changes it",
            f"chmod o-rwx,g-w {one['path']}, and change what it holds if others may have read it",
        )
    for one in seen.get("images") or []:
        if one["days"] > OLD_IMAGE_DAYS:
            yield finding(
                f"image:{one['image'].rpartition(':')[0] or one['image']}",
                "medium",
                f"the image {one['image']} is {one['days']} days old, and so are the libraries in it",
                "build it anew or take a newer version, then deploy.yml",
            )
    for one in seen.get("containers") or []:
        yield finding(
            f"container:{one['container']}",
            "high",
            f"the container {one['container']} has {', '.join(one['risks'])}",
            "take that out of its entry, or give it as little as it needs; publish on 127.0.0.1",
        )


def _of_outside(host: str, seen: Mapping[str, Any], meant: set[int]) -> Iterator[Finding]:
    def finding(tool: str, name: str, severity: str, text: str, remedy: str) -> Finding:
        return Finding(name, host, tool, severity, text, remedy)

    for port in sorted(set(seen.get("ports") or []) - meant):
        remedy = "close it in firewall_rules, let its service listen on 127.0.0.1, or name it in audit_open_ports"
        yield finding("ports", f"port:{port}", "high", f"TCP port {port} is open", remedy)
    for one in seen.get("ssh") or []:
        severity = "medium" if one["level"] == "fail" else "low"
        text = f"SSH offers {one['algorithm']}: {one['why']}"
        remedy = "set hardening_level to strict, or to paranoid against clients that record today"
        yield finding("ssh-audit", f"ssh:{one['algorithm']}", severity, text, remedy)
    for one in seen.get("sites") or []:
        yield from _of_site(host, one)
    for name, differences in (seen.get("sslyze") or {}).items():
        for text in differences:
            yield finding(
                "sslyze",
                f"sslyze:{name}:{text.partition(':')[0]}",
                "medium",
                f"{name}: {text}",
                "nginx_tls_profile chooses Mozilla's profile; see docs/edge.md",
            )


def _of_site(host: str, site: Mapping[str, Any]) -> Iterator[Finding]:
    name = site["name"]

    def finding(what: str, severity: str, text: str, remedy: str) -> Finding:
        return Finding(f"site:{name}:{what}", host, "site", severity, f"{name} {text}", remedy)

    if site.get("fault"):
        yield finding("down", "high", f"does not answer: {site['fault']}", "run verify.yml")
        return
    if site["distrust"]:
        remedy = "set nginx_tls to acme, or bring a certificate; audit again with the authority in nginx_ca_fetch_to"
        yield finding(
            "trust", "medium", f"shows a certificate that is refused: {site['distrust']}", remedy
        )
    elif site["days"] is not None and site["days"] < CERTIFICATE_DAYS:
        text = f"has a certificate that ends in {site['days']:g} days"
        yield finding(
            "expiry", "high", text, "systemctl status certbot.timer on the host, or run site.yml"
        )
    for protocol in site["old_protocols"]:
        remedy = "leave nginx_tls_profile at intermediate or modern"
        yield finding(f"protocol:{protocol}", "high", f"speaks {protocol}", remedy)
    for header in site["missing"]:
        remedy = f"set {header} in nginx_headers, or in headers of the application's entry"
        if header == "content-security-policy":
            remedy = "set csp in the application's entry"
        yield finding(f"header:{header}", HEADERS[header], f"sends no {header}", remedy)
    if any(letter.isdigit() for letter in site["server"]):
        remedy = "leave server_tokens off"
        yield finding("server", "low", f"tells its version: {site['server']}", remedy)
    if site["powered"]:
        remedy = (
            "hide X-Powered-By in the application, or with an empty value in headers of its entry"
        )
        yield finding("powered", "low", f"tells what it is made with: {site['powered']}", remedy)
    if site["http"] == "open":
        text = "answers over plain HTTP without leading to HTTPS"
        yield finding("http", "high", text, "run site.yml, whose Nginx redirects all of it")


def findings_of_sources(seen: Mapping[str, Any]) -> list[Finding]:
    """What bandit and pip-audit say of the sources, each under the name of its application."""
    found = []
    for name, results in (seen.get("bandit") or {}).items():
        for one in results:
            found.append(
                Finding(
                    f"bandit:{name}:{one['id']}:{one['where']}",
                    name,
                    "bandit",
                    one["severity"],
                    f"{one['where']}: {one['text']}",
                    f"mend it, or mark the line with '# nosec {one['id']}' and the reason",
                )
            )
    for name, results in (seen.get("pip_audit") or {}).items():
        for one in results:
            fixed = " or ".join(one["fixed"])
            found.append(
                Finding(
                    f"pip-audit:{name}:{one['package']}:{one['id']}",
                    name,
                    "pip-audit",
                    "high",
                    f"{one['package']} has the known hole {one['id']}",
                    f"take version {fixed}"
                    if fixed
                    else "there is no mended version yet; do without it, or accept it with a reason",
                )
            )
    return found


def _some(names: Sequence[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def accept(findings: Iterable[Finding], reasons: Mapping[str, str]) -> list[Finding]:
    """The same with reasons of the inventory, by id, in which * stands for anything."""
    return [
        replace(finding, reason=finding.reason or _reason(finding, reasons)) for finding in findings
    ]


def _reason(finding: Finding, reasons: Mapping[str, str]) -> str:
    for pattern, reason in reasons.items():
        if fnmatchcase(finding.id, pattern):
            return reason
    return ""


def score(findings: Iterable[Finding]) -> int:
    """From 100 for nothing open down to 0; what is accepted costs nothing."""
    cost = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        if not finding.reason:
            cost[finding.severity] += COST[finding.severity]
    cost["low"] = min(cost["low"], LOW_AT_MOST)
    return max(0, 100 - sum(cost.values()))


def report(
    hosts: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Any],
    reasons: Mapping[str, str],
    history: Sequence[Mapping[str, Any]],
    when: str,
) -> dict[str, Any]:
    """The whole report: findings by place, scores, what is new and gone, what was skipped."""
    places = {
        host: findings_of(host, seen, seen.get("meant") or ()) for host, seen in hosts.items()
    }
    for finding in findings_of_sources(sources):
        places.setdefault(finding.host, []).append(finding)
    skipped = [
        {"host": host, **one}
        for host, seen in {**hosts, "sources": {"outside": sources}}.items()
        for one in _skipped(seen)
    ]
    shown = {}
    for place, found in places.items():
        accepted = sorted(
            accept(found, reasons),
            key=lambda finding: (
                bool(finding.reason),
                SEVERITIES.index(finding.severity),
                finding.id,
            ),
        )
        shown[place] = _place(place, accepted, hosts.get(place) or {}, history)
    return {
        "when": when,
        "score": min((about["score"] for about in shown.values()), default=100),
        "places": shown,
        "skipped": skipped,
    }


def _skipped(seen: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for part in ("host", "outside"):
        yield from (seen.get(part) or {}).get("left_out") or []
    if "lynis" in seen and "score" not in (seen["lynis"] or {}):
        why = (seen["lynis"] or {}).get("msg") or "audit_with_lynis is false"
        yield {"what": "lynis", "why": str(why)}
    # Whoever does not supply it does not want to be told so each time.
    ran = seen.get("bench")
    if ran:
        printed = str(ran.get("stdout") or "")
        try:
            _docker_bench.read(printed)
        except ValueError as error:
            why = str(error) if printed else ran.get("msg") or str(error)
            yield {"what": "docker-bench-security", "why": str(why)}


def _place(
    place: str, found: list[Finding], seen: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    open_ids = {finding.id: finding.text for finding in found if not finding.reason}
    before = next((entry for entry in reversed(history) if entry.get("place") == place), None)
    known = set(before["open"]) if before else set(open_ids)
    return {
        "score": score(found),
        "before": before["score"] if before else None,
        "lynis": (seen.get("lynis") or {}).get("score"),
        "findings": [asdict(finding) for finding in found],
        "new": [name for name in open_ids if name not in known],
        "gone": sorted(known - set(open_ids)),
        "open": sorted(open_ids),
    }


def read_history(text: str) -> list[dict[str, Any]]:
    """Lines of JSON; one that a full disk or an editor has cut is left out."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"place", "score", "open", "when"} <= set(entry):
            found.append(entry)
    return found


def write_history(history: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> str:
    """The history with this report as its last lines."""
    entries = [
        *history,
        *(
            {"when": made["when"], "place": place, "score": about["score"], "open": about["open"]}
            for place, about in made["places"].items()
        ),
    ]
    return "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in entries[-KEPT:])


def summary(made: Mapping[str, Any]) -> str:
    """A line for each place, its open findings, and what was skipped."""
    lines = []
    for place, about in made["places"].items():
        change = "" if about["before"] is None else f" ({about['score'] - about['before']:+d})"
        counts = dict.fromkeys(SEVERITIES, 0)
        for finding in about["findings"]:
            if not finding["reason"]:
                counts[finding["severity"]] += 1
        accepted = sum(bool(finding["reason"]) for finding in about["findings"])
        lynis = f", Lynis {about['lynis']}" if about["lynis"] is not None else ""
        shown = ", ".join(f"{count} {severity}" for severity, count in counts.items())
        lines.append(
            f"{place}: {about['score']} of 100{change}{lynis}; open: {shown}; accepted: {accepted}"
        )
        for finding in about["findings"]:
            if not finding["reason"] and finding["severity"] != "low":
                lines.append(f"  {finding['severity']}: {finding['text']}: {finding['remedy']}")
    lines += [f"skipped on {one['host']}: {one['what']}: {one['why']}" for one in made["skipped"]]
    return "\n".join(lines)
