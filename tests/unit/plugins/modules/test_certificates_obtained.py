"""The module as Ansible calls it when Nginx answers: with real files, sockets and processes, and a Certbot without an authority."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.farol.vps.plugins.module_utils import (
    _certificates_certbot,
    _certificates_reach,
    _certificates_wire,
)
from certificates_host import make, serial

API = {"name": "api", "domains": ["api.example.com", "www.example.com"]}
SHOP = {"name": "shop", "domains": ["shop.example.com"]}
ALL = {"name": "all", "domains": ["*.example.org", "example.org"], "dns": "cloudflare"}
CREDENTIALS = {"cloudflare": "/etc/farol/dns/cloudflare.ini"}


def errors(result):
    return {each["name"]: each["error"] for each in result["certificates"] if each["error"]}


@pytest.fixture
def ready(host):
    """A host on which the module has prepared these, and Nginx serves the placeholders."""

    def prepare(*wanted):
        host.prepared(*wanted)
        host.serve(*wanted)
        return host

    return prepare


def test_a_certificate_is_obtained_and_served(ready):
    host = ready(API)
    result = host.obtained(API)

    live = host.letsencrypt / "live/api"
    assert result["changed"] and errors(result) == {} and result["failed_names"] == []
    assert (host.links / "api").readlink() == live
    assert host.nginx.count == 1
    assert result["certificates"][0]["placeholder"] is False
    assert result["certificates"][0]["serial"] == serial(live / "fullchain.pem")
    assert result["diff"]["before"].startswith("api: placeholder until 20")
    assert result["diff"]["after"].startswith("api: acme until 20")
    assert not (host.links / ".placeholder/api").exists()
    assert host.calls == [
        ["certonly", "--non-interactive", "--agree-tos", "--config-dir", str(host.letsencrypt)]
        + ["--server", "https://acme.example/dir", "--register-unsafely-without-email"]
        + ["--cert-name", "api", "--key-type", "ecdsa", "--elliptic-curve", "secp256r1"]
        + ["--renew-with-new-domains", "--force-renewal"]
        + ["--webroot", "--webroot-path", str(host.webroot)]
        + ["--domain", "api.example.com", "--domain", "www.example.com"]
    ]


def test_a_second_run_changes_nothing(ready):
    host = ready(API)
    host.obtained(API)
    before = host.snapshot()
    for result in (host.prepared(API), host.obtained(API), host.obtained(API, check=True)):
        assert not result["changed"] and errors(result) == {}
    assert host.snapshot() == before and len(host.calls) == 1 and host.nginx.count == 1


def test_the_probe_asks_for_every_domain_and_leaves_nothing_behind(ready):
    host = ready(API)
    host.obtained(API)
    assert sorted(name for name, _path in host.web.asked) == API["domains"]
    (path,) = {path for _name, path in host.web.asked}
    assert path.startswith("/.well-known/acme-challenge/farol-")
    assert os.listdir(host.webroot) == []


def test_check_mode_asks_nobody_and_writes_nothing(ready):
    host = ready(API, SHOP)
    host.obtained(SHOP, API)
    make(host.letsencrypt / "live/api", "api.example.com")
    before = host.snapshot()
    asked = len(host.web.asked)

    result = host.obtained(API, SHOP, check=True)
    assert result["changed"] and host.snapshot() == before
    assert len(host.calls) == 2 and len(host.web.asked) == asked and host.nginx.count == 1
    assert (
        result["diff"]["after"]
        .splitlines()[0]
        .endswith(", would be obtained since it is made out to api.example.com")
    )


def test_check_mode_before_there_is_anything(host):
    host.nginx.close()
    result = host.obtained(API, check=True, connect="127.0.0.1:9")
    assert result["changed"] and errors(result) == {} and not host.links.exists()
    assert result["certificates"][0]["not_after"] == ""
    assert result["diff"]["after"] == "api: none, would be obtained since there is none yet\n"


def test_check_mode_before_nginx_is_there(ready, monkeypatch):
    host = ready(API)
    host.obtained(API)
    assert not host.obtained(API, check=True, connect="127.0.0.1:9")["changed"]


def test_check_mode_tells_what_the_dns_would_prevent(ready, monkeypatch):
    host = ready(API)
    monkeypatch.setattr(_certificates_reach, "lookup", lambda domain: ["198.51.100.7"])
    result = host.obtained(API, check=True, addresses=["203.0.113.10"])
    assert not result["changed"] and result["failed_names"] == ["api"]


def test_with_an_email_a_private_server_and_the_dns(ready):
    host = ready(ALL)
    result = host.obtained(
        ALL,
        acme_email="admin@example.org",
        acme_ca_file="/etc/ssl/own.pem",
        dns_credentials=CREDENTIALS,
        dns_propagation=7,
    )
    assert errors(result) == {} and host.web.asked == []
    (argv,) = host.calls
    assert argv[argv.index("--email") + 1] == "admin@example.org"
    at = argv.index("--dns-cloudflare")
    assert argv[at + 1 : at + 5] == [
        *("--dns-cloudflare-credentials", "/etc/farol/dns/cloudflare.ini"),
        *("--dns-cloudflare-propagation-seconds", "7"),
    ]
    assert argv[-4:] == ["--domain", "*.example.org", "--domain", "example.org"]
    assert "--webroot" not in argv
    assert (host.bin / "environment").read_text() == "/etc/ssl/own.pem"
    assert not host.obtained(ALL, dns_credentials=CREDENTIALS)["changed"]


def test_dns_without_credentials(ready):
    host = ready(ALL, API)
    result = host.obtained(ALL, API)
    assert errors(result) == {"all": "dns_credentials has no file for cloudflare; add one"}
    assert (host.links / "api").readlink() == host.letsencrypt / "live/api"


@pytest.mark.parametrize(
    ("wish", "options"),
    [
        ({**API, "domains": ["api.example.com"]}, {}),
        ({**API, "domains": ["api.example.com", "new.example.com"]}, {}),
        (API, {"acme_server": "https://other.example/dir"}),
        ({**API, "dns": "cloudflare"}, {"dns_credentials": CREDENTIALS}),
    ],
    ids=["fewer", "other", "server", "dns"],
)
def test_a_certificate_that_is_not_as_wanted_is_obtained_anew(ready, wish, options):
    host = ready(API)
    host.obtained(API)
    old = serial(host.links / "api/fullchain.pem")
    assert host.obtained(wish, **options, check=True)["changed"]
    result = host.obtained(wish, **options)
    assert result["changed"] and errors(result) == {} and host.nginx.count == 2
    assert serial(host.links / "api/fullchain.pem") != old
    assert not host.obtained(wish, **options)["changed"]


@pytest.mark.parametrize(
    ("more", "due"),
    [
        ({"days": 16, "age": 74}, False),
        ({"days": 14, "age": 76}, True),
        ({"days": -1, "age": 91}, True),
        ({"days": 1.2, "age": 5}, False),
        ({"kind": "rsa"}, True),
    ],
    ids=["left to the timer", "timer failed", "ended", "short", "rsa"],
)
def test_certbots_timer_renews_as_long_as_it_can(ready, more, due):
    host = ready(SHOP)
    host.obtained(SHOP)
    make(host.letsencrypt / "live/shop", "shop.example.com", **more)
    host.nginx.load()
    assert host.obtained(SHOP, check=True)["changed"] == due
    assert host.obtained(SHOP)["changed"] == due
    assert len(host.calls) == 1 + due


def test_a_run_that_was_killed_before_the_link_is_completed(ready):
    host = ready(API)
    host.obtained(API)
    link = host.links / "api"
    link.unlink()
    host.prepared(API)
    assert link.readlink() == host.letsencrypt / "live/api"
    folder = host.links / ".placeholder/api"
    make(folder, "api.example.com")
    link.unlink()
    link.symlink_to(folder)
    assert host.obtained(API, check=True)["changed"]
    result = host.obtained(API)
    assert result["changed"] and link.readlink() == host.letsencrypt / "live/api"
    assert len(host.calls) == 1 and not folder.exists()


def test_a_run_that_was_killed_before_the_reload_is_completed(ready):
    host = ready(API)
    host.says("killed")
    host.obtained(API)
    (host.bin / "says").unlink()
    make(host.links / ".placeholder/api", "api.example.com")
    host.says("killed")
    check = host.obtained(API, check=True)
    assert check["changed"] and host.nginx.count == 0

    result = host.obtained(API)
    assert result["changed"] and host.nginx.count == 1
    assert result["diff"]["after"].endswith(", served by Nginx after a reload\n")


def test_given_files_that_were_replaced_are_served(ready):
    host = ready()
    folder = host.folder / "given"
    chain, key = make(folder, "shop.example.com")
    wish = {**SHOP, "source": "files", "certificate": str(chain), "key": str(key)}
    host.nginx.sites["shop.example.com"] = folder
    host.nginx.load()
    assert not host.obtained(wish)["changed"]
    make(folder, "shop.example.com")
    assert host.obtained(wish, check=True)["changed"] and host.nginx.count == 0
    assert host.obtained(wish)["changed"] and host.nginx.count == 1
    assert not host.obtained(wish)["changed"] and not host.links.exists()
    chain.unlink()
    assert "cannot be read" in errors(host.obtained(wish))["shop"]


def test_nginx_may_take_its_time(ready):
    host = ready(API, SHOP)
    host.nginx.delay = 5
    result = host.obtained(API, SHOP)
    assert errors(result) == {} and host.nginx.count == 1


def test_nginx_that_keeps_its_certificate(ready, monkeypatch):
    monkeypatch.setattr(_certificates_wire, "PATIENCE", 0.2)
    host = ready(API, SHOP)
    host.nginx.sites["shop.example.com"] = host.folder / "elsewhere"
    make(host.folder / "elsewhere", "shop.example.com")
    host.nginx.load()
    old = serial(host.folder / "elsewhere/fullchain.pem")
    result = host.obtained(API, SHOP)

    error = errors(result).pop("shop")
    new = serial(host.links / "shop/fullchain.pem")
    assert list(errors(result)) == result["failed_names"] == ["shop"]
    assert error.startswith(
        f"Nginx still serves a certificate with the serial {old}, good until 20"
    )
    assert error.endswith(
        f", for shop.example.com at {host.nginx.connect}, not {host.links}/shop/fullchain.pem "
        f"(serial {new}); look at 'nginx -T' and 'journalctl -u nginx' on the host"
    )
    assert result["warnings"] == [f"certificate shop: {error}"]


def test_nginx_that_knows_no_such_site(ready, monkeypatch):
    monkeypatch.setattr(_certificates_wire, "PATIENCE", 0.2)
    host = ready(API, SHOP)
    del host.nginx.sites["shop.example.com"]
    host.nginx.load()
    result = host.obtained(API, SHOP)
    assert list(errors(result)) == ["shop"]
    assert errors(result)["shop"].startswith(
        "Nginx makes no TLS connection for shop.example.com at 127.0.0.1:"
    )


def test_nginx_that_does_not_run(ready):
    host = ready(API)
    result = host.obtained(API, connect="127.0.0.1:9")
    assert errors(result) == {
        "api": "nothing answers at 127.0.0.1:9 (connection refused); start Nginx"
    }
    assert result["changed"] and (host.links / "api").readlink() == host.letsencrypt / "live/api"


def test_nginx_that_stops_at_the_reload(ready, monkeypatch):
    monkeypatch.setattr(_certificates_wire, "PATIENCE", 0.2)
    host = ready(API)
    served = _certificates_wire.Wire.leaf

    def once(wire, name):
        monkeypatch.setattr(_certificates_wire.Wire, "leaf", gone)
        return served(wire, name)

    def gone(_wire, _name):
        raise _certificates_wire.Unreachable("connection refused")

    monkeypatch.setattr(_certificates_wire.Wire, "leaf", once)
    assert errors(host.obtained(API))["api"].startswith("nothing answers at 127.0.0.1:")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (
            ["sh", "-c", "echo bad conf >&2; exit 3"],
            "\"sh -c 'echo bad conf >&2; exit 3'\" failed: bad conf; "
            "look at 'nginx -t' and 'journalctl -u nginx' on the host",
        ),
        (
            ["no-such-command"],
            "there is no command no-such-command on this host; install the package no-such-command",
        ),
    ],
    ids=["fails", "absent"],
)
def test_a_reload_that_fails(ready, command, error):
    host = ready(API)
    assert errors(host.obtained(API, reload_command=command)) == {"api": error}


def test_one_that_fails_does_not_stop_the_others(ready):
    host = ready(API, SHOP, ALL)
    host.says("Requesting localhost/dir: Connection refused", "api")
    result = host.obtained(API, SHOP, ALL, dns_credentials=CREDENTIALS)
    assert result["changed"] and result["failed_names"] == ["api"]
    assert errors(result)["api"].startswith(
        "the ACME server https://acme.example/dir cannot be reached; "
    )
    assert [each["placeholder"] for each in result["certificates"]] == [True, False, False]
    assert host.nginx.count == 1
    (host.bin / "says.api").unlink()
    assert host.obtained(API, SHOP, ALL, dns_credentials=CREDENTIALS)["failed_names"] == []
    assert len(host.calls) == 4


def test_a_domain_that_leads_elsewhere_holds_up_its_own_certificate_alone(ready, monkeypatch):
    host = ready(API, SHOP)
    where = {"api.example.com": ["203.0.113.10"], "www.example.com": ["198.51.100.7"]}
    monkeypatch.setattr(
        _certificates_reach, "lookup", lambda domain: where.get(domain, ["127.0.0.1"])
    )
    monkeypatch.setattr(_certificates_reach, "TIMEOUT", 0.05)
    result = host.obtained(API, SHOP, addresses=["203.0.113.10"])
    assert list(errors(result)) == ["api"]
    assert (
        "set an A record for www.example.com to 203.0.113.10; it resolves to 198.51.100.7"
        in errors(result)["api"]
    )
    assert [argv[argv.index("--cert-name") + 1] for argv in host.calls] == ["shop"]


def test_without_resolve_the_dns_may_say_what_it_likes(ready, monkeypatch):
    host = ready(SHOP)
    assert host.obtained(SHOP, resolve=False, addresses=["203.0.113.10"])["failed_names"] == []


def test_the_hosts_own_addresses_are_those_of_its_interfaces(ready, monkeypatch):
    host = ready(SHOP)
    ip = host.bin / "ip"
    ip.write_text(
        '#!/bin/sh\necho \'[{"ifname":"eth0","addr_info":[{"local":"203.0.113.10"}]}]\'\n'
    )
    ip.chmod(0o755)
    monkeypatch.setattr(_certificates_reach, "lookup", lambda domain: ["198.51.100.7"])
    assert errors(host.obtained(SHOP))["shop"].startswith(
        "set an A record for shop.example.com to 203.0.113.10; it resolves to 198.51.100.7"
    )
    ip.write_text("#!/bin/sh\necho no netlink >&2; exit 1\n")
    assert errors(host.obtained(SHOP)) == {
        "shop": "'ip -json address' failed: no netlink; give the host's addresses in addresses"
    }
    ip.write_text("#!/bin/sh\necho '[]'\n")
    assert errors(host.obtained(SHOP)) == {
        "shop": "this host has no address of its own; give one in addresses"
    }


def test_something_else_answers_at_port_80(ready):
    host = ready(SHOP)
    host.web.answer = (404, {}, b"not here")
    error = errors(host.obtained(SHOP))["shop"]
    assert f"at 127.0.0.1 port {host.web.server_port}: 404 not here, where a file in" in error
    assert host.calls == [] and os.listdir(host.webroot) == []


def test_without_a_webroot(ready):
    host = ready(SHOP)
    host.webroot.rmdir()
    assert errors(host.obtained(SHOP)) == {
        "shop": f"webroot: there is no folder {host.webroot}; make it, and let Nginx serve it at port 80"
    }


def test_without_certbot(ready):
    host = ready(SHOP)
    (host.bin / "certbot").unlink()
    assert errors(host.obtained(SHOP)) == {
        "shop": "there is no command certbot on this host; install the package certbot"
    }


def test_another_certbot_is_waited_for(ready, monkeypatch):
    monkeypatch.setattr(_certificates_certbot.time, "sleep", lambda _seconds: None)
    host = ready(SHOP)
    (host.bin / "locked").write_text("2")
    assert errors(host.obtained(SHOP)) == {} and len(host.calls) == 3


def test_another_certbot_that_does_not_end(ready, monkeypatch):
    monkeypatch.setattr(_certificates_certbot, "LOCK_SECONDS", 0)
    host = ready(SHOP)
    (host.bin / "locked").write_text("2")
    assert errors(host.obtained(SHOP))["shop"].startswith("another Certbot is at work")
    assert len(host.calls) == 1


def test_a_certbot_that_hangs_is_ended(ready, monkeypatch):
    monkeypatch.setattr(_certificates_certbot, "LIMIT", 0.2)
    host = ready(SHOP)
    (host.bin / "certbot").write_text("#!/bin/sh\nsleep 60\n")
    error = errors(host.obtained(SHOP))["shop"]
    assert error.endswith("(Certbot: no end within 0.2 s)")


@pytest.mark.parametrize("broken", ["key", "conf", "killed"])
def test_a_damaged_lineage_is_left_to_people(ready, broken):
    host = ready(SHOP)
    host.obtained(SHOP)
    conf = host.letsencrypt / "renewal/shop.conf"
    if broken == "key":
        (host.letsencrypt / "live/shop/privkey.pem").unlink()
    elif broken == "conf":
        conf.unlink()
    else:
        conf.write_text("")
    error = errors(host.obtained(SHOP))["shop"]
    if broken == "conf":
        assert error == (
            f"Certbot does not know {host.letsencrypt}/live/shop and {host.letsencrypt}/archive/shop "
            f"without {conf}; restore that file, or move the folders away"
        )
    else:
        assert error == (
            f"{conf} or what it names is damaged; restore it from a backup, or move {conf}, "
            f"{host.letsencrypt}/live/shop, {host.letsencrypt}/archive/shop away"
        )
    assert len(host.calls) == 1


def test_a_certbot_that_does_something_else(ready):
    host = ready(SHOP)
    (host.bin / "certbot").write_text("#!/bin/sh\n")
    assert errors(host.obtained(SHOP)) == {
        "shop": "Certbot succeeded, and still the certificate is not as it should be: "
        "there is none yet; look at 'certbot certificates' on the host"
    }


def test_a_failure_leaves_what_is_served(ready):
    host = ready(API)
    host.obtained(API)
    old = serial(host.links / "api/fullchain.pem")
    host.says("too many certificates (5) already issued")
    result = host.obtained({**API, "domains": ["api.example.com"]})
    assert not result["changed"] and result["failed_names"] == ["api"]
    assert result["certificates"][0]["serial"] == old
    assert result["certificates"][0]["placeholder"] is False


def test_what_is_no_longer_wanted_is_removed(ready):
    host = ready(API)
    host.obtained(API)
    foreign = host.links / "foreign"
    foreign.symlink_to("/etc/ssl")
    (host.links / "note").write_text("mine")
    host.prepared(API, SHOP)
    check, result = host.obtained(API, check=True), host.obtained(API)
    assert check["changed"] and result["changed"]
    assert check["diff"] == result["diff"]
    assert check["diff"]["before"].splitlines()[1:] == [
        f"{host.links}/shop",
        f"{host.links}/.placeholder/shop",
    ]
    assert sorted(os.listdir(host.links)) == [".placeholder", "api", "foreign", "note"]
    assert os.listdir(host.links / ".placeholder") == []
    assert not host.obtained(API)["changed"]
    assert host.obtained()["changed"] and not (host.links / "api").is_symlink()
    assert (host.letsencrypt / "live/api/fullchain.pem").exists()


def test_wishes_that_can_never_work(host):
    result = host.obtained({"name": "all", "domains": ["*.example.com"]}, API, API)
    assert result["failed"] and result["msg"] == (
        "the certificates are not changed, since"
        "\n- api: 2 certificates have this name; give each its own"
        "\n- all: *.example.com can only be proven over the DNS; "
        "set dns to the provider that hosts it"
    )


def test_what_is_served_is_named_even_if_openssl_cannot_read_it(ready, monkeypatch):
    monkeypatch.setattr(_certificates_wire, "PATIENCE", 0)
    monkeypatch.setattr(_certificates_wire.Wire, "leaf", lambda _wire, _name: b"\x30\x00")
    host = ready(SHOP)
    assert (
        "Nginx still serves another certificate for shop.example.com"
        in (errors(host.obtained(SHOP))["shop"])
    )


def test_no_host_name_is_looked_up_twice(ready, monkeypatch):
    host = ready(API, SHOP)
    looked = []

    def lookup(domain):
        looked.append(domain)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(_certificates_reach, "lookup", lookup)
    result = host.obtained(API, {**SHOP, "domains": API["domains"]}, addresses=["203.0.113.10"])
    assert sorted(looked) == API["domains"] and result["failed_names"] == ["api", "shop"]
