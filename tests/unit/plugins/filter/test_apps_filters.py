# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter import (
    app_checks,
    app_ports,
    app_public,
    nginx_sites,
)

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
            "state": "/var/lib/farol/apps/api",
            "health": "/health/ready",
            "websocket": ["/ws"],
            "closed": ["/metrics"],
        },
        {
            "name": "web",
            "domain": "example.com",
            "aliases": [],
            "colours": {"blue": 27378, "green": 27379},
            "state": "/var/lib/farol/apps/web",
            "health": "/health",
            "websocket": [],
            "closed": [],
        },
    ]
    assert call(nginx_sites, "nginx_sites", []) == []


def test_nginx_sites_pass_on_what_concerns_the_edge():
    entry = {
        **APPS[1],
        "redirect_from": ["www.example.com"],
        "csp": {},
        "users": None,
        "cache": 5,
        "paths": [{"path": "/v1/", "app": "api", "timeout": 5}],
    }
    [site] = call(nginx_sites, "nginx_sites", [entry])
    assert (site["redirect_from"], site["csp"], site["cache"]) == (["www.example.com"], {}, 5)
    assert "users" not in site
    assert site["paths"] == [{"path": "/v1/", "site": "api", "timeout": 5}]


def test_what_concerns_the_edge_is_no_part_of_a_release():
    entry = {**APPS[1], "users": {"ops": "$6$x"}, "paths": [{"path": "/"}], "tls": "acme"}
    assert call(app_public, "app_public", entry) == APPS[1]


def test_a_name_that_redirects_belongs_to_one_application():
    clash = [APPS[0], {**APPS[1], "redirect_from": ["www.example.com"]}]
    with pytest.raises(AnsibleFilterError, match=r"both claim the domain www\.example\.com"):
        call(nginx_sites, "nginx_sites", clash)


def test_checks_leave_out_what_cannot_be_asked():
    entry = {**APPS[1], "aliases": ["*.example.com"], "allow": ["10.0.0.0/8"]}
    [check] = call(app_checks, "app_checks", [entry])
    assert (check["name"], check["status"]) == ("web", [200, 403])


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
