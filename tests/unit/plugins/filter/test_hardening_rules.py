"""Which rules hold on a host."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.hardening_rules import FilterModule

hardening_rules = FilterModule().filters()["hardening_rules"]

RULES = [
    {
        "name": "fail2ban",
        "level": "baseline",
        "packages": ["fail2ban", "nftables"],
        "services": ["fail2ban"],
        "files": ["etc/shared", "etc/jail"],
    },
    {
        "name": "modules",
        "level": "strict",
        "packages": ["nftables"],
        "files": ["etc/modules", "etc/shared"],
        "modules": ["rds"],
        "sysctl": {"kernel.sysrq": 0},
        "modes": {"/etc/crontab": "0600"},
        "needs": "kernel",
    },
    {"name": "hidepid", "level": "paranoid", "files": ["etc/proc"]},
]


def test_a_level_has_the_rules_of_those_before_it():
    assert hardening_rules(RULES, "baseline")["on"] == ["fail2ban"]
    assert hardening_rules(RULES)["on"] == ["fail2ban", "modules"]
    assert hardening_rules(RULES, "paranoid")["on"] == ["fail2ban", "modules", "hidepid"]


def test_what_the_rules_ask_for_is_summed_up():
    assert hardening_rules(RULES) == {
        "on": ["fail2ban", "modules"],
        "waived": {},
        "impossible": {},
        "exclude": ["etc/proc"],
        "files": ["etc/shared", "etc/jail", "etc/modules"],
        "packages": ["fail2ban", "nftables"],
        "without_packages": [],
        "services": ["fail2ban"],
        "modules": ["rds"],
        "sysctl": {"kernel.sysrq": 0},
        "modes": {"/etc/crontab": "0600"},
        "mounts": {},
        "lines": [],
    }


def test_a_waived_rule_is_off_with_its_reason_and_keeps_what_others_share():
    chosen = hardening_rules(RULES, waivers={"fail2ban": "behind a VPN"})
    assert chosen["on"] == ["modules"]
    assert chosen["waived"] == {"fail2ban": "behind a VPN"}
    assert chosen["exclude"] == ["etc/jail", "etc/proc"]
    assert chosen["packages"] == ["nftables"]


def test_a_container_goes_without_what_needs_a_kernel():
    chosen = hardening_rules(RULES, in_container=True)
    assert list(chosen["impossible"]) == ["modules"]
    assert chosen["exclude"] == ["etc/modules", "etc/proc"]
    assert chosen["sysctl"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": "top"}, "hardening level: top is none of baseline, strict, paranoid"),
        ({"waivers": {"fail2bam": "x"}}, "no rule is called fail2bam; did you mean fail2ban?"),
        ({"waivers": {"fail2ban": " "}}, "fail2ban needs a reason"),
    ],
)
def test_a_wrong_level_or_waiver_is_refused(arguments, message):
    with pytest.raises(AnsibleFilterError, match=message.replace("?", r"\?")):
        hardening_rules(RULES, **arguments)
