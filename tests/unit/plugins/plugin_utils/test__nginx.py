# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.filter import (
    nginx_certificates,
    nginx_faults,
    nginx_passwords,
    nginx_virtual_hosts,
    nginx_watched,
)

API = {
    "name": "my-api",
    "domain": "api.example.com",
    "aliases": ["api2.example.com"],
    "redirect_from": ["www.example.com"],
    "colours": {"blue": 20000, "green": 20001},
    "state": "/var/lib/farol/apps/my-api",
    "health": "/health",
    "websocket": ["/ws"],
    "closed": ["/metrics"],
}
OLD = {**API, "name": "old", "domain": "old.example.com", "aliases": [], "redirect_from": []}
PLAIN = {"name": "plain", "domain": "plain.example.com", "upstream": "127.0.0.1:8000"}
BALANCED = {
    "name": "edge",
    "domain": "edge.example.com",
    "health": "/health",
    "balance": {"servers": {"a": "10.0.0.1:443", "b": "10.0.0.2:443", "c": "10.0.0.3:443"}},
}


def call(plugin, *args, **options):
    [function] = plugin.FilterModule().filters().values()
    return function(*args, **options)


def host(site, *others):
    return call(nginx_virtual_hosts, [site, *others])[0]


def matches(site, *others):
    return [place["match"] for place in host(site, *others)["locations"]]


def location(site, match, *others):
    [place] = [each for each in host(site, *others)["locations"] if each["match"] == match]
    return place


def faults(*sites, **options):
    return call(nginx_faults, sites, **options)


def test_a_plain_site():
    made = host(PLAIN)
    assert made["upstreams"] == [{"name": "plain", "servers": ["127.0.0.1:8000"]}]
    assert matches(PLAIN) == ["/"]
    assert location(PLAIN, "/")["target"] == "plain"
    assert location(PLAIN, "/")["scheme"] == "http"
    assert (made["switches"], made["flags"], made["all_zones"]) == ([], {}, [])


def test_two_colours():
    assert [up["name"] for up in host(API)["upstreams"]] == ["my-api_blue", "my-api_green"]
    assert host(API)["names"] == ["api.example.com", "api2.example.com"]
    assert matches(API) == ["= /health", "= /metrics", "^~ /metrics/", "/", "/ws"]
    assert location(API, "/")["target"] == "$live_my_api"
    assert location(API, "/ws")["websocket"] and not location(API, "/")["websocket"]
    assert location(API, "= /health")["health"] == API["state"]
    [switch] = host(API)["switches"]
    assert switch == {"word": "my_api", "name": "my-api", "state": API["state"], "own": True}


def test_a_closed_health_path_stays_closed():
    assert "= /health" in matches({**API, "closed": ["/health"]})
    assert location({**API, "closed": ["/health"]}, "= /health")["closed"]


def test_paths_have_settings_of_their_own():
    site = {
        **API,
        "rate_limit": {"requests_per_second": 50},
        "users": {"ops": "$6$x"},
        "paths": [
            {"path": "/upload", "max_body_size": "500m", "stream": True, "timeout": 300},
            {
                "path": "/login",
                "rate_limit": {"requests_per_second": 1, "burst": 0, "connections": 2},
            },
            {"path": "/static/", "folder": "/srv/static/", "cache_control": "immutable"},
            {"path": "/ws", "timeout": 10},
            {"path": "/old", "redirect": "https://example.com/new"},
        ],
    }
    upload = location(site, "/upload")
    assert (upload["max_body_size"], upload["stream"], upload["timeout"]) == ("500m", True, 300)
    assert upload["zones"] == []
    assert location(site, "/login")["zones"] == [
        {"kind": "req", "name": "my-api.2.req", "rate": "1r/s", "burst": 0},
        {"kind": "conn", "name": "my-api.2.conn", "most": 2},
    ]
    assert location(site, "^~ /static/")["folder"] == "/srv/static"
    assert location(site, "/ws")["websocket"] and location(site, "/ws")["timeout"] == 10
    assert location(site, "/old")["redirect"] == "https://example.com/new"
    assert host(site)["zones"] == [
        {"kind": "req", "name": "my-api.req", "rate": "50r/s", "burst": 20}
    ]
    assert [zone["name"] for zone in host(site)["all_zones"]] == [
        "my-api.req",
        "my-api.2.req",
        "my-api.2.conn",
    ]
    assert (host(site)["password_file"], upload["password_file"]) == ("my-api", None)


def test_a_path_can_be_another_application():
    site = {**API, "paths": [{"path": "/v1/", "site": "old"}]}
    assert location(site, "/v1/", OLD)["target"] == "$live_old"
    assert location(site, "/v1/", OLD)["borrowed"] == OLD["state"]
    assert [(each["word"], each["own"]) for each in host(site, OLD)["switches"]] == [
        ("my_api", True),
        ("old", False),
    ]
    assert (
        location({**API, "paths": [{"path": "/v1/", "site": "plain"}]}, "/v1/", PLAIN)["target"]
        == "plain"
    )


def test_a_balancer_has_an_upstream_for_all_that_can_be_out():
    made = host(BALANCED)
    assert made["choices"] == {
        "": "edge",
        " a": "edge_without_0",
        " b": "edge_without_1",
        " c": "edge_without_2",
        " a b": "edge_without_0_without_1",
        " a c": "edge_without_0_without_2",
        " b c": "edge_without_1_without_2",
    }
    by_name = {up["name"]: up for up in made["upstreams"]}
    assert by_name["edge_without_1"]["servers"] == ["10.0.0.1:443", "10.0.0.3:443"]
    assert {up["method"] for up in made["upstreams"]} == {"least_conn"}
    assert location(BALANCED, "/")["target"] == "$balance_edge"
    assert location(BALANCED, "/")["scheme"] == "https"
    assert made["flags"] == {"state": "/var/lib/farol/balancer/edge", "hosts": ["a", "b", "c"]}
    assert made["trusted"] == "/etc/ssl/certs/ca-certificates.crt"
    alone = {**BALANCED, "balance": {"servers": {"a": "10.0.0.1:443"}}}
    assert host(alone)["choices"] == {"": "edge"}


def test_a_balancer_can_be_sticky_and_plain():
    site = {
        **BALANCED,
        "balance": {**BALANCED["balance"], "sticky_cookie": "sid", "tls": False, "ca_files": ["x"]},
    }
    assert host(site)["upstreams"][0]["method"] == "hash $cookie_sid consistent"
    assert location(site, "/")["scheme"] == "http"
    assert call(nginx_watched, [site, API]) == [
        {
            "name": "edge",
            "host": "edge.example.com",
            "path": "/health",
            "tls": False,
            "ca": "",
            "servers": BALANCED["balance"]["servers"],
        }
    ]
    site["balance"].pop("tls")
    assert call(nginx_watched, [site])[0]["ca"] == "/etc/nginx/trusted/edge.pem"


def test_certificates():
    own = {**PLAIN, "tls_certificate": "/c.pem", "tls_key": "/k.pem"}
    wild = {**OLD, "domain": "*.example.net", "tls": "acme", "dns": "cloudflare"}
    assert call(nginx_certificates, [API, own, wild]) == [
        {
            "name": "my-api",
            "domains": ["api.example.com", "api2.example.com", "www.example.com"],
            "source": "local_ca",
            "certificate": "/etc/farol/ca/host.crt",
            "key": "/etc/farol/ca/host.key",
        },
        {
            "name": "plain",
            "domains": ["plain.example.com"],
            "source": "files",
            "certificate": "/c.pem",
            "key": "/k.pem",
        },
        {"name": "old", "domains": ["*.example.net"], "source": "acme", "dns": "cloudflare"},
    ]
    [given] = call(nginx_certificates, [PLAIN], "files", "/all.pem", "/all.key")
    assert (given["certificate"], given["key"]) == ("/all.pem", "/all.key")


def test_password_files():
    site = {**PLAIN, "users": {"a": "$6$x"}, "paths": [{"path": "/b", "users": {"b": "$6$y"}}]}
    assert call(nginx_passwords, [site, API]) == [
        {"file": "plain", "users": {"a": "$6$x"}},
        {"file": "plain.1", "users": {"b": "$6$y"}},
    ]


def test_good_sites_have_no_fault():
    full = {
        **API,
        "rate_limit": {"requests_per_second": 5, "burst": 0, "connections": None},
        "allow": ["10.0.0.0/8", "2001:db8::1"],
        "users": {"ops": "$6$salt$hash"},
        "csp": {"default-src": ["self"]},
        "headers": {"X-Frame-Options": "", "X-Own": 1},
        "paths": [{"path": "/v1/", "site": "old"}, {"path": "/a", "redirect": "/b"}],
    }
    assert faults(full, OLD | {"domain": "old.example.com"}, BALANCED, tls="acme") == []
    preload = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload"}
    assert faults(headers=preload, csp={"default-src": ["none"]}) == []


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"name": "Api"}, "Api: no name for a site"),
        ({"domain": "a b"}, "'a b' is no domain"),
        ({"aliases": ["api.example.com"]}, "api.example.com: is claimed twice"),
        ({"domain": "*.example.com", "tls": "acme"}, "a name with * in the DNS only; set dns"),
        ({"tls_certificate": "/x"}, "tls_certificate and tls_key go together"),
        ({"balance": {"servers": {}}}, "balance.servers: names no host"),
        ({"balance": {"servers": {"A": "x:1"}}}, "'A' is no name for a host"),
        (
            {"balance": {"servers": {"a": "x"}}},
            "balance.servers.a: 'x' is no address; write host:port",
        ),
        (
            {"balance": {"servers": {"a": "x:1"}, "sticky_cookie": "a-b"}},
            "can't read a cookie named 'a-b'",
        ),
        ({"max_body_size": "5 MB"}, "max_body_size: '5 MB' is no size"),
        ({"allow": ["10.0.0.300"]}, "allow: '10.0.0.300' is no address"),
        ({"users": {"a:b": "$6$x"}}, "users: 'a:b' is no name"),
        (
            {"users": {"ops": "secret"}},
            "users.ops: is no hash of a password; make one with: openssl passwd -6",
        ),
        ({"timeout": 0}, "timeout: 0 is no time"),
        ({"cache": 0}, "cache: 0 is no time"),
        (
            {"rate_limit": {"requests_per_second": 0}},
            "rate_limit.requests_per_second: 0 lets nobody in",
        ),
        ({"rate_limit": {"burst": -1}}, "rate_limit.burst: -1"),
        ({"paths": [{"path": "x"}]}, "paths x: is no path"),
        ({"paths": [{"path": "/x"}, {"path": "/x"}]}, "/x is listed twice"),
        (
            {"paths": [{"path": "/x", "site": "my-apo"}]},
            "no site named my-apo; did you mean my-api?",
        ),
        ({"paths": [{"path": "/x", "redirect": "ftp://x"}]}, "redirect: 'ftp://x' is no address"),
        ({"paths": [{"path": "/x", "folder": "x"}]}, "folder: 'x' is no absolute path"),
        ({"csp": {"default-scr": ["self"]}}, "csp: default-scr is no directive"),
        ({"headers": {"X Y": "1"}}, "'X Y' is no name of a header"),
        ({"headers": {"X-Y": "a\nb"}}, "headers.X-Y: leave out line breaks"),
        ({"headers": {"Content-Security-Policy": "x"}}, "write the policy as csp"),
        (
            {"headers": {"Strict-Transport-Security": "max-age=600; includeSubDomains; preload"}},
            "preload needs includeSubDomains and a max-age",
        ),
    ],
)
def test_faults(more, fault):
    [found] = faults({**API, **more})
    assert fault in found
    assert "secret" not in found


def test_two_sites_clash():
    assert faults(API, {**API, "aliases": [], "redirect_from": []}) == [
        "my-api: two sites have that name; rename one",
        "api.example.com: is claimed twice; take it out of one site",
    ]


def test_what_all_sites_share_is_checked():
    assert faults(headers={"X Y": "1"}, csp={"x": ["self"]}) == [
        "nginx_headers: 'X Y' is no name of a header",
        "nginx_csp: x is no directive of CSP Level 3",
    ]
