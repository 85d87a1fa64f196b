# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._ufw import ufw_changes, ufw_rules

SSH = "ufw limit 22/tcp comment 'farol: SSH'"
HTTP = "ufw allow 80/tcp comment 'farol: HTTP'"
BOTH = ["IPv6 ufw limit 22/tcp", "IPv6 ufw allow 80/tcp"]


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ({"port": "80", "comment": "HTTP"}, [HTTP]),
        ({"port": 22, "action": "limit", "from": [], "comment": "SSH"}, [SSH]),
        ({"port": "443", "proto": "udp"}, ["ufw allow 443/udp comment 'farol'"]),
        (
            {"port": "8000:8010", "from": ["10.1.2.3/8", "::1"], "comment": ""},
            [
                "ufw allow from 10.0.0.0/8 to any port 8000:8010 proto tcp comment 'farol'",
                "ufw allow from ::1 to any port 8000:8010 proto tcp comment 'farol'",
            ],
        ),
    ],
)
def test_a_rule_is_the_line_that_ufw_prints(rule, lines):
    assert ufw_rules([rule]) == lines


def test_what_is_no_address_is_named():
    with pytest.raises(ValueError, match="'office' is no address"):
        ufw_rules([{"port": 80, "from": ["office"]}])


def commands(*shown, wanted=(SSH, HTTP), remove_foreign=False):
    return ufw_changes(list(wanted), list(shown), remove_foreign)["commands"]


def test_nothing_differs():
    state = ["IPV6=yes", "Status: active", *BOTH, SSH, HTTP]
    assert ufw_changes([SSH, HTTP], state, True) == {"foreign": [], "commands": []}


def test_a_host_without_ufw_gets_all_in_their_order():
    assert commands() == [SSH, HTTP]


def test_what_is_obsolete_goes_last():
    old = ["ufw allow 8080/tcp comment 'farol: old'", "ufw route allow 53/udp comment 'farol'"]
    assert commands(*BOTH, *old, SSH) == [
        HTTP,
        "ufw delete allow 8080/tcp",
        "ufw route delete allow 53/udp",
    ]


def test_a_rule_of_ones_own_becomes_one_that_was_made_by_hand():
    assert commands(*BOTH, SSH, "ufw allow 80/tcp") == [HTTP]


@pytest.mark.parametrize(
    ("remove_foreign", "expected"), [(False, []), (True, ["ufw delete allow 21/tcp"])]
)
def test_rules_made_by_hand_go_where_they_are_to(remove_foreign, expected):
    state = [*BOTH, SSH, HTTP, "ufw allow 21/tcp comment 'FTP, old'"]
    changes = ufw_changes([SSH, HTTP], state, remove_foreign)
    assert changes == {"foreign": ["ufw allow 21/tcp"], "commands": expected}


def test_a_rule_without_its_half_for_ipv6_is_made_again():
    assert commands("IPv6 ufw limit 22/tcp", SSH, HTTP) == [HTTP]


def test_a_rule_from_an_address_has_no_other_half():
    source = "ufw allow from 10.0.0.0/8 to any port 80 proto tcp comment 'farol: HTTP'"
    assert commands(*BOTH, SSH, source, wanted=[SSH, source]) == []
