# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.farol.vps.plugins.filter.digitalocean_uptime_checks import (
    digitalocean_uptime_checks,
)
from ansible_collections.farol.vps.plugins.modules.digitalocean_monitoring import ARGUMENTS

APPS = [
    {"name": "api", "domain": "api.example.com", "health": {"path": "/health/ready"}},
    {"name": "web", "domain": "example.com"},
    {"name": "inside", "domain": "inside.example.com", "allow": ["10.0.0.0/8"]},
    {"name": "admin", "domain": "admin.example.com", "users": {"me": "$6$x"}},
]


def test_a_check_for_each_application_that_everybody_may_ask():
    assert digitalocean_uptime_checks(APPS) == [
        {
            "name": "api",
            "target": "https://api.example.com/health/ready",
            "down": {"period": "2m"},
            "latency": {"threshold": 2000},
            "certificate": {"days": 14},
        },
        {
            "name": "web",
            "target": "https://example.com/health",
            "down": {"period": "2m"},
            "latency": {"threshold": 2000},
            "certificate": {"days": 14},
        },
    ]


def test_alerts_can_be_left_out_and_set():
    (check, _other) = digitalocean_uptime_checks(
        APPS, latency=0, certificate_days="0", down_period="10m", regions=["se_asia"]
    )
    assert check == {
        "name": "api",
        "target": "https://api.example.com/health/ready",
        "down": {"period": "10m"},
        "regions": ["se_asia"],
    }


def test_the_module_takes_them():
    given = {"token": "x", "uptime_checks": digitalocean_uptime_checks(APPS, regions=["eu_west"])}
    assert ArgumentSpecValidator(ARGUMENTS).validate(given).error_messages == []
