# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter import app_checks, app_ports, nginx_sites

APPS = [
    {
        "name": "api",
        "domain": "api.example.com",
        "aliases": ["www.example.com"],
        "image": "ghcr.io/acme/api",
        "version": "1.4.2",
        "port": 8000,
        "host_port": 20010,
        "health": {"path": "/health/ready"},
        "websocket": ["/ws"],
        "metrics": "/metrics",
    },
    {"name": "web", "domain": "example.com", "image": "acme/web", "version": "2", "port": 80},
]


def call(plugin, name, *args, **options):
    return plugin.FilterModule().filters()[name](*args, **options)


def test_nginx_sites():
    assert call(nginx_sites, "nginx_sites", APPS) == [
        {
            "name": "api",
            "domain": "api.example.com",
            "aliases": ["www.example.com"],
            "colours": {"blue": 20010, "green": 20011},
            "flag": "/var/lib/farol/apps/api/green",
            "websocket": ["/ws"],
            "closed": ["/metrics"],
        },
        {
            "name": "web",
            "domain": "example.com",
            "aliases": [],
            "colours": {"blue": 27378, "green": 27379},
            "flag": "/var/lib/farol/apps/web/green",
            "websocket": [],
            "closed": [],
        },
    ]
    assert call(nginx_sites, "nginx_sites", []) == []


def test_nginx_sites_refuses_a_clash():
    clash = [APPS[0], {**APPS[1], "host_port": 20011}]
    with pytest.raises(AnsibleFilterError, match="api and web both claim port 20011"):
        call(nginx_sites, "nginx_sites", clash)


def test_app_checks():
    assert call(app_checks, "app_checks", APPS, address="203.0.113.5", ca_file="/ca.pem") == [
        {
            "name": name,
            "type": "http",
            "url": url,
            "status": [200],
            "address": "203.0.113.5",
            "ca_file": "/ca.pem",
        }
        for name, url in [
            ("api", "https://api.example.com/health/ready"),
            ("api www.example.com", "https://www.example.com/health/ready"),
            ("web", "https://example.com/health"),
        ]
    ]


def test_app_checks_says_no_more_than_it_is_told():
    assert call(app_checks, "app_checks", APPS[1:]) == [
        {"name": "web", "type": "http", "url": "https://example.com/health", "status": [200]}
    ]


def test_app_ports():
    assert call(app_ports, "app_ports", APPS[0]) == {"blue": 20010, "green": 20011}
