"""Everything that goes wrong with certificates and sites: named, and the old state still serving."""

from __future__ import annotations

import pytest
from signed import ACME, configure, issuer, serial, sites

ONLY = "noble"


def test_one_name_that_leads_elsewhere_stops_no_other(lab, outside):
    second = f"second.{lab.name}.acme.test"
    more = [
        {
            "name": "astray",
            "domain": "nowhere.acme.test",
            "upstream": "127.0.0.1:8000",
            "tls": "acme",
        },
        {"name": "second", "domain": second, "upstream": "127.0.0.1:8000", "tls": "acme"},
    ]
    run, said = configure(lab, nginx_sites=sites(lab, *more))
    try:
        assert run.returncode != 0
        assert "nowhere.acme.test" in said and lab.address in said and " A record" in said
        assert "Pebble" in issuer(outside, second)
        assert "Pebble" not in issuer(outside, "nowhere.acme.test") != ""
        assert outside.curl("https://web.farol.test/").status == 200
    finally:
        run, _ = configure(lab)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (f"{ACME}:14009/dir", "cannot be reached"),
        (f"{ACME}:14001/dir", "has given or refused too many of late"),
        ("https://acme.nowhere.test/dir", "finds no address"),
    ],
)
def test_an_acme_server_that_does_not_sign(lab, outside, server, told):
    before = serial(outside, f"{lab.name}.acme.test")
    run, said = configure(lab, nginx_acme_server=server)
    assert run.returncode != 0
    assert told in said
    assert serial(outside, f"{lab.name}.acme.test") == before
    assert outside.curl("https://web.farol.test/").status == 200


# Each makes /etc/ssl/files.pem and its key, and what is wrong with them.
ASK = "openssl req -newkey rsa:2048 -nodes -keyout files.key -out files.csr -subj /CN=x -addext subjectAltName=DNS:"
SIGN = (
    "openssl x509 -req -in files.csr -signkey files.key -copy_extensions copy -out files.pem -days"
)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (f"{ASK}files.farol.test; {SIGN} -1", "files.pem ended on"),
        (f"{ASK}other.farol.test; {SIGN} 90", "files.pem is not made out to files.farol.test"),
        (f"{ASK}files.farol.test; {SIGN} 90; openssl genrsa -out files.key", "/etc/ssl/files.key"),
        (f"{ASK}files.farol.test; {SIGN} 90; rm files.key", "/etc/ssl/files.key"),
        (f"{ASK}files.farol.test; echo nothing >files.pem", "/etc/ssl/files.pem"),
    ],
)
def test_a_given_certificate_that_cannot_serve(lab, server, outside, make, told):
    server.check_output(f"cd /etc/ssl; ({make}) 2>&1")
    before = server.check_output(
        "find /etc/nginx /etc/farol -newer /etc/hostname -type f | xargs md5sum"
    )
    given = {
        "name": "files",
        "domain": "files.farol.test",
        "upstream": "127.0.0.1:8000",
        "tls_certificate": "/etc/ssl/files.pem",
        "tls_key": "/etc/ssl/files.key",
    }
    run, said = configure(lab, nginx_sites=sites(lab, given))
    assert run.returncode != 0 and told in said
    assert (
        server.check_output(
            "find /etc/nginx /etc/farol -newer /etc/hostname -type f | xargs md5sum"
        )
        == before
    )
    assert outside.curl("https://web.farol.test/").status == 200


@pytest.mark.parametrize(
    ("site", "told"),
    [
        (
            {"csp": {"default-scr": ["self"]}},
            "default-scr is no directive of CSP Level 3; did you mean default-src?",
        ),
        ({"domain": "web.farol.test"}, "web.farol.test: is claimed twice"),
        ({"users": {"ops": "lantern"}}, "users.ops: is no hash of a password"),
    ],
)
def test_a_wrong_site_is_refused_by_name(lab, server, outside, site, told):
    before = server.check_output("md5sum /etc/nginx/sites-enabled/*")
    wrong = {"name": "wrong", "domain": "wrong.farol.test", "upstream": "127.0.0.1:8000", **site}
    run, said = configure(lab, nginx_sites=sites(lab, wrong))
    assert run.returncode != 0 and told in said
    assert server.check_output("md5sum /etc/nginx/sites-enabled/*") == before
    assert outside.curl("https://web.farol.test/").status == 200


def test_what_nginx_refuses_leaves_the_old_configuration(lab, server, outside):
    before = server.check_output("md5sum /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*")
    run, said = configure(lab, nginx_client_max_body_size="lots")
    assert run.returncode != 0 and "Every file is as it was before" in said
    assert server.check_output("md5sum /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*") == before
    assert outside.curl("https://web.farol.test/").status == 200
