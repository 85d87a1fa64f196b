"""A name with *, proved in the DNS by certbot's own plugins at what answers as the providers' APIs do."""

from __future__ import annotations

import pytest
from signed import configure, issuer, sites

ONLY = "noble"
TOKENS = {
    "digitalocean": "dop_v1_lab_only",
    "cloudflare": "lab-only-cloudflare-token-of-40-letters-",
}


def with_wildcard(lab, provider, token):
    wild = {
        "name": "wild",
        "domain": f"*.{provider}.acme.test",
        "upstream": "127.0.0.1:8000",
        "tls": "acme",
        "dns": provider,
    }
    options = {"nginx_dns_tokens": {provider: token}, "nginx_dns_propagation": 1}
    return configure(lab, nginx_sites=sites(lab, wild), **options)


@pytest.mark.parametrize("provider", TOKENS)
def test_a_name_with_a_star(lab, server, outside, provider):
    run, _ = with_wildcard(lab, provider, TOKENS[provider])
    assert run.returncode == 0, run.stdout
    seen = issuer(outside, f"tenant.{provider}.acme.test")
    assert "Pebble" in seen and f"DNS:*.{provider}.acme.test" in seen
    file = server.file(f"/etc/farol/dns/{provider}.ini")
    assert (file.mode, file.user) == (0o600, "root")
    assert TOKENS[provider] not in run.stdout


def test_a_wrong_token_is_named_and_not_shown(lab, outside):
    run, said = with_wildcard(lab, "digitalocean", "dop_v1_wrong")
    assert run.returncode != 0
    assert "digitalocean refuses the login" in said and "/etc/farol/dns/digitalocean.ini" in said
    assert "dop_v1_wrong" not in said
    assert outside.curl("https://web.farol.test/").status == 200
