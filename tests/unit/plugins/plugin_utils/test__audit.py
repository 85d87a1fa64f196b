# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of an audit: findings, scores, history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.filter.audit_report import audit_report

LYNIS = {
    "score": 89,
    "findings": [
        {"kind": "suggestion", "test": "LOGG-2154", "text": "Log elsewhere", "reason": "to Loki"},
        {"kind": "warning", "test": "PKGS-7392", "text": "Vulnerable packages", "reason": ""},
    ],
    "open": [
        {
            "kind": "sysctl",
            "name": "kernel.x",
            "wanted": "1",
            "found": "0",
            "reason": "the machine's",
        }
    ],
}
CLEAN_HOST = {
    "updates": [],
    "updates_age": 0.2,
    "reboot_required": False,
    "secrets": [],
    "images": [{"image": "redis:7", "days": 90}],
    "containers": [],
    "left_out": [],
}
SITE = {
    "name": "api.example.com",
    "distrust": "",
    "days": 60,
    "missing": [],
    "server": "nginx",
    "powered": "",
    "http": "redirect",
    "old_protocols": [],
}
CLEAN_OUTSIDE = {"ports": [22, 443], "sites": [SITE], "ssh": [], "sslyze": {}, "left_out": []}


def audit(host=None, outside=None, **options):
    variables = {
        "hardening_report": options.pop("lynis", {**LYNIS, "findings": LYNIS["findings"][:1]}),
        "audit_host": CLEAN_HOST if host is None else host,
        "audit_outside": CLEAN_OUTSIDE if outside is None else outside,
        "audit_meant": [22, "80", 443],
        "audit_docker_bench_run": options.pop("bench", None),
    }
    return audit_report(["vps-1"], {"vps-1": variables}, when="2026-11-25", **options)


def test_a_clean_host_has_the_full_score_and_shows_what_is_accepted():
    made = audit()

    assert made["score"] == made["places"]["vps-1"]["score"] == 100
    assert made["summary"] == (
        "vps-1: 100 of 100, Lynis 89; open: 0 high, 0 medium, 0 low; accepted: 2"
    )
    assert "to Loki" in made["html"]


HOST_FAULTS = [
    (
        {"updates": [{"package": "openssl", "security": True}]},
        "updates:security",
        "high",
        "apt-daily",
    ),
    ({"updates": [{"package": "vim", "security": False}]}, "updates:other", "low", "dist-upgrade"),
    ({"updates_age": 3.1}, "updates:stale", "medium", "apt-daily.timer"),
    (
        {"reboot_required": True, "reboot_packages": ["linux-image"]},
        "reboot",
        "medium",
        "hardening_upgrades_reboot",
    ),
    (
        {"secrets": [{"path": "/etc/farol/x.key", "mode": "0644", "owner": "root:root"}]},
        "secret:/etc/farol/x.key",
        "high",
        "chmod o-rwx,g-w /etc/farol/x.key",
    ),
    ({"images": [{"image": "redis:7", "days": 91}]}, "image:redis", "medium", "deploy.yml"),
    (
        {"containers": [{"container": "agent", "risks": ["privileged"]}]},
        "container:agent",
        "high",
        "127.0.0.1",
    ),
]
OUTSIDE_FAULTS = [
    ({"ports": [22, 80, 443, 6379]}, "port:6379", "high", "firewall_rules"),
    (
        {"ssh": [{"algorithm": "ssh-rsa", "level": "fail", "why": "broken hash"}]},
        "ssh:ssh-rsa",
        "medium",
        "hardening_level",
    ),
    (
        {"ssh": [{"algorithm": "curve25519-sha256", "level": "warn", "why": "quantum"}]},
        "ssh:curve25519-sha256",
        "low",
        "paranoid",
    ),
    (
        {"sslyze": {"api.example.com": ["ciphers: old ones"]}},
        "sslyze:api.example.com:ciphers",
        "medium",
        "nginx_tls_profile",
    ),
]
SITE_FAULTS = [
    ({"distrust": "self-signed certificate"}, "trust", "medium", "acme"),
    ({"days": 13.9}, "expiry", "high", "certbot.timer"),
    ({"old_protocols": ["TLSv1.1"]}, "protocol:TLSv1.1", "high", "nginx_tls_profile"),
    (
        {"missing": ["strict-transport-security"]},
        "header:strict-transport-security",
        "medium",
        "nginx_headers",
    ),
    (
        {"missing": ["content-security-policy"]},
        "header:content-security-policy",
        "medium",
        "set csp",
    ),
    ({"server": "nginx/1.24.0"}, "server", "low", "server_tokens"),
    ({"powered": "PHP"}, "powered", "low", "X-Powered-By"),
    ({"http": "open"}, "http", "high", "site.yml"),
    ({"fault": "refused"}, "down", "high", "verify.yml"),
]
COST = {"high": 15, "medium": 5, "low": 1}


def check(made, name, severity, remedy):
    (found,) = (one for one in made["places"]["vps-1"]["findings"] if not one["reason"])
    assert (found["id"], found["severity"]) == (name, severity)
    assert remedy in found["remedy"]
    assert made["score"] == 100 - COST[severity]


@pytest.mark.parametrize(("changed", "name", "severity", "remedy"), HOST_FAULTS)
def test_what_the_host_shows_is_a_finding_with_a_remedy(changed, name, severity, remedy):
    check(audit(host={**CLEAN_HOST, **changed}), name, severity, remedy)


@pytest.mark.parametrize(("changed", "name", "severity", "remedy"), OUTSIDE_FAULTS)
def test_what_is_seen_from_outside_is_a_finding(changed, name, severity, remedy):
    check(audit(outside={**CLEAN_OUTSIDE, **changed}), name, severity, remedy)


@pytest.mark.parametrize(("changed", "name", "severity", "remedy"), SITE_FAULTS)
def test_what_a_site_shows_is_a_finding(changed, name, severity, remedy):
    sites = [{**SITE, **changed}]
    made = audit(outside={**CLEAN_OUTSIDE, "sites": sites})
    check(made, f"site:api.example.com:{name}", severity, remedy)


def test_lynis_findings_without_a_reason_are_open_and_lead_to_its_page():
    check(audit(lynis=LYNIS), "lynis:PKGS-7392:Vulnerable packages", "medium", "PKGS-7392")


def test_what_was_not_looked_at_is_named_and_a_host_that_told_nothing_has_no_full_score():
    made = audit_report(["vps-1"], {"vps-1": {"audit_host": {"msg": "Connection timed out"}}})

    assert made["score"] == 70
    assert "could not be looked at (host): Connection timed out" in made["summary"]
    assert made["skipped"] == [
        {"host": "vps-1", "what": "lynis", "why": "audit_with_lynis is false"}
    ]
    missing = {"what": "sslyze", "why": "not installed on the controller: pip install sslyze"}
    made = audit(outside={**CLEAN_OUTSIDE, "left_out": [missing]})
    assert made["skipped"] == [{"host": "vps-1", **missing}]
    assert "skipped on vps-1: sslyze: not installed" in made["summary"]
    assert "pip install sslyze" in made["html"]
    (lynis,) = audit(lynis={"failed": True, "msg": "no key"})["skipped"]
    assert lynis == {"host": "vps-1", "what": "lynis", "why": "no key"}


def test_reasons_of_the_inventory_accept_findings():
    outside = {**CLEAN_OUTSIDE, "ports": [22, 6379, 9100]}
    made = audit(outside=outside, reasons={"port:9*": "the scraper's network alone"})

    assert made["score"] == 85 and made["places"]["vps-1"]["open"] == ["port:6379"]
    assert "the scraper&#x27;s network alone" in made["html"]


def test_many_trifles_cost_20_at_most_and_no_score_is_below_0():
    ssh = [{"algorithm": f"a{n}", "level": "warn", "why": "old"} for n in range(30)]
    assert audit(outside={**CLEAN_OUTSIDE, "ssh": ssh})["score"] == 80
    assert audit(outside={**CLEAN_OUTSIDE, "ports": range(2000, 2010)})["score"] == 0


def test_the_history_tells_what_is_new_and_gone():
    first = audit(outside={**CLEAN_OUTSIDE, "ports": [6379]})
    assert first["places"]["vps-1"]["before"] is None and first["places"]["vps-1"]["new"] == []

    history = "not json\n" + first["history"] + '{"place": 1}\n'
    second = audit(outside={**CLEAN_OUTSIDE, "ports": [9100, 9200]}, history=history)
    about = second["places"]["vps-1"]
    assert (about["before"], about["score"]) == (85, 70)
    assert (about["new"], about["gone"]) == (["port:9100", "port:9200"], ["port:6379"])
    assert "vps-1: 70 of 100 (-15)" in second["summary"]
    entries = [json.loads(line) for line in second["history"].splitlines()]
    assert [entry["score"] for entry in entries] == [85, 70]
    assert "2 new, 1 gone" in second["html"]


def test_the_history_is_kept_short():
    line = json.dumps({"when": "x", "place": "vps-1", "score": 1, "open": []}) + "\n"
    assert len(audit(history=line * 600)["history"].splitlines()) == 500


def test_sources_are_places_of_their_own():
    sources = {
        "bandit": {
            "api": [{"id": "B608", "severity": "medium", "where": "db.py:1", "text": "SQL"}]
        },
        "pip_audit": {
            "api": [{"id": "PYSEC-1", "package": "jinja2 3.1.2", "fixed": ["3.1.3"]}],
            "shop": [{"id": "PYSEC-2", "package": "left 1", "fixed": []}],
        },
        "left_out": [{"what": "pip-audit", "why": "x"}],
    }
    made = audit(sources=sources)

    assert {place: about["score"] for place, about in made["places"].items()} == {
        "vps-1": 100,
        "api": 80,
        "shop": 85,
    }
    assert made["score"] == 80 and "take version 3.1.3" in made["summary"]
    assert made["skipped"] == [{"host": "sources", "what": "pip-audit", "why": "x"}]


def test_what_a_server_says_is_escaped():
    sites = [{**SITE, "powered": "<script>1</script>"}]
    assert "<script>" not in audit(outside={**CLEAN_OUTSIDE, "sites": sites})["html"]


BENCH = (Path(__file__).parents[2] / "fixtures/docker-bench.txt").read_text(encoding="utf-8")


def test_warnings_of_docker_bench_are_findings_with_remedies():
    made = audit(bench={"rc": 0, "stdout": BENCH}, reasons={"docker-bench:1.1.*": "one disk"})
    found = {
        one["id"]: one
        for one in made["places"]["vps-1"]["findings"]
        if one["tool"] == "docker-bench"
    }

    assert set(found) == {f"docker-bench:{name}" for name in ("1.1.1", "1.1.3", "5.2", "5.13")}
    assert found["docker-bench:1.1.1"]["reason"] == "one disk"
    assert found["docker-bench:5.13"]["remedy"] == "Run the container with --read-only."
    assert "CIS Docker Benchmark" in found["docker-bench:5.2"]["remedy"]
    assert "No AppArmorProfile Found: api-blue-web-1" in found["docker-bench:5.2"]["text"]
    assert {one["severity"] for one in found.values()} == {"low"}
    assert made["score"] == 98 and made["skipped"] == []
    assert "AppArmor Profile" in made["html"]


@pytest.mark.parametrize(
    ("ran", "why"),
    [
        ({"rc": 124, "stdout": "[WARN] 5.2 - Early\n", "msg": "non-zero return code"}, "Early"),
        ({"failed": True, "msg": "tar: nowhere: Cannot open"}, "Cannot open"),
    ],
)
def test_docker_bench_that_did_not_end_is_named(ran, why):
    made = audit(bench=ran)

    assert made["score"] == 100
    (skipped,) = made["skipped"]
    assert skipped["what"] == "docker-bench-security" and why in skipped["why"]
