"""What is wrong with wishes, and when Certbot has to run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    DAY,
    Certificate,
    CertificatesError,
    Leaf,
    reason_to_obtain,
    report,
    wish_faults,
)
from ansible_collections.farol.vps.plugins.module_utils._certificates_certbot import Certbot
from ansible_collections.farol.vps.plugins.module_utils._certificates_wire import Wire

NOW = 1_790_000_000
LEAF = Leaf(
    der=b"",
    names=frozenset({"a.example", "b.example"}),
    not_before=NOW - 30 * DAY,
    not_after=NOW + 60 * DAY,
    serial="0A1B",
    issuer="CN=E7",
    ecdsa=True,
    public_key="",
)
WISH = Certificate("api", ("a.example", "b.example"))
WANTED = {"server": "https://acme.example/dir", "authenticator": "webroot"}


@pytest.mark.parametrize(
    ("wish", "faults"),
    [
        (WISH, []),
        (Certificate("all", ("*.a.example",), dns="cloudflare"), []),
        (Certificate("all", ("*.a.example",), "files", "", "/c", "/k"), []),
        (Certificate("ca", ("a.example",), "local_ca", "", "/c", "/k"), []),
        (
            Certificate("x", ("A.example", "b_.example", "a.example", "a.example")),
            [
                "x: 'A.example' is no domain in lower-case letters, digits, hyphens and dots; correct it",
                "x: 'b_.example' is no domain in lower-case letters, digits, hyphens and dots; correct it",
                "x: a.example is there 2 times; name it once",
            ],
        ),
        (
            Certificate("x", ("a.example",), "files", "cloudflare"),
            [
                "x: source files needs certificate, a PEM file on the host",
                "x: source files needs key, a PEM file on the host",
                "x: dns is for source acme alone; remove it",
            ],
        ),
        (
            Certificate("x", ("a.example",), dns="route53"),
            ["x: dns: route53 is not known; use cloudflare or digitalocean"],
        ),
        (
            Certificate("x", ("a.example",), key="/k"),
            ["x: certificate and key are for source files; remove them, or set source: files"],
        ),
    ],
)
def test_wishes(wish, faults):
    assert wish_faults([wish]) == faults


@pytest.mark.parametrize(
    ("leaf", "renewal", "reason"),
    [
        (LEAF, WANTED, ""),
        (LEAF, {}, ""),
        (None, {}, "there is none yet"),
        (replace(LEAF, names=frozenset({"b.example"})), WANTED, "it is made out to b.example"),
        (
            LEAF,
            {**WANTED, "server": "https://old.example/dir"},
            "its server is https://old.example/dir",
        ),
        (LEAF, {**WANTED, "authenticator": "nginx"}, "its authenticator is nginx"),
        (replace(LEAF, ecdsa=False), WANTED, "its key is not ECDSA"),
        (replace(LEAF, not_before=NOW - 74 * DAY, not_after=NOW + 16 * DAY), WANTED, ""),
        (
            replace(LEAF, not_before=NOW - 76 * DAY, not_after=NOW + 14 * DAY),
            WANTED,
            "it ends on 2026-10-05T14:13:20Z",
        ),
    ],
)
def test_when_certbot_has_to_run(leaf, renewal, reason):
    assert reason_to_obtain(WISH, leaf, renewal, WANTED, NOW) == reason


@pytest.mark.parametrize(("left", "days"), [(DAY + 1, 1), (DAY - 1, 0), (-1, -1)])
def test_days_left_are_whole(left, days):
    leaf = replace(LEAF, not_after=NOW + left)
    assert report(WISH, leaf, False, "", NOW)["days_left"] == days


def test_nothing_to_report():
    answer = report(WISH, None, False, "broken", NOW)
    assert answer["days_left"] is None and answer["not_after"] == answer["serial"] == ""


@pytest.mark.parametrize(
    ("path", "stored"),
    [("/var/www/acme", "/var/www/acme"), ("/var/www/./acme/", "/var/www/acme")],
)
def test_what_certbot_keeps_is_read_back(tmp_path, path, stored):
    # As certbot 4.0.0 wrote it, ending in what only it reads.
    conf = tmp_path / "renewal/api.conf"
    conf.parent.mkdir()
    conf.write_text(
        f"""# renew_before_expiry = 30 days
version = 4.0.0
archive_dir = /etc/letsencrypt/archive/api
cert = /etc/letsencrypt/live/api/cert.pem

# Options used in the renewal process
[renewalparams]
account = 8eb01ebf6444b889e248aa3cdf9e274a
key_type = ecdsa
server = https://acme.example/dir
authenticator = webroot
webroot_path = {stored},
[[webroot_map]]
a.example = {stored}
"""
    )
    certbot = Certbot("https://acme.example/dir", webroot=path, letsencrypt=str(tmp_path))
    assert reason_to_obtain(WISH, LEAF, certbot.renewal("api"), certbot.wanted(WISH), NOW) == ""
    other = replace(certbot, webroot="/srv")
    assert reason_to_obtain(WISH, LEAF, other.renewal("api"), other.wanted(WISH), NOW) == (
        "its webroot_path is /var/www/acme"
    )


def test_certbot_is_told_of_its_folder_only_where_it_is_another():
    certbot = Certbot("https://acme.example/dir")
    assert "--config-dir" not in certbot.argv(WISH)
    assert "--config-dir" in replace(certbot, letsencrypt="/srv").argv(WISH)


@pytest.mark.parametrize(
    ("given", "shown"), [("127.0.0.1:443", "127.0.0.1:443"), ("[::1]:8443", "[::1]:8443")]
)
def test_where_nginx_is_asked(given, shown):
    wire = Wire.parse(given)
    assert str(wire) == shown and wire.host in ("127.0.0.1", "::1")


def test_where_nginx_cannot_be_asked():
    with pytest.raises(CertificatesError):
        Wire.parse("443")
