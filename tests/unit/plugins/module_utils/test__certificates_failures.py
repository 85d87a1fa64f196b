"""Certbot's failures, as versions 1.21 and 4.0 print them and as Let's Encrypt and Pebble word them."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils._certificates_failures import explain

WORDS = {
    "server": "the ACME server https://acme.example/dir",
    "host": "acme.example",
    "name": "api",
    "dns": "",
    "credentials": "",
    "letsencrypt": "/etc/letsencrypt",
}
CLOUDFLARE = {**WORDS, "dns": "cloudflare", "credentials": "/etc/farol/dns/cloudflare.ini"}

BEGIN = """Saving debug log to /var/log/letsencrypt/letsencrypt.log
Requesting a certificate for api.example.com and www.example.com
"""
END = (
    "Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile "
    "/var/log/letsencrypt/letsencrypt.log or re-run Certbot with -v for more details.\n"
)
UNEXPECTED = "An unexpected error occurred:\n"


def challenge(kind, detail, domain="www.example.com"):
    return f"""
Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: {domain}
  Type:   {kind}
  Detail: {detail}

Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot. \
Ensure that the listed domains serve their content from the provided --webroot-path/-w and that files \
created there can be downloaded from the internet.

Some challenges have failed.
"""


POOL = "HTTPSConnectionPool(host='acme.example', port=443): Max retries exceeded with url: /dir "
AT = "203.0.113.10: Fetching http://www.example.com/.well-known/acme-challenge/x: "

SERVER = [
    (
        "ValueError: Requesting acme.example/dir: Connection refused",
        "the ACME server https://acme.example/dir cannot be reached; ",
    ),
    (
        f"requests.exceptions.ConnectionError: {POOL}(Caused by NameResolutionError("
        "\"HTTPSConnection(host='acme.example', port=443): Failed to resolve 'acme.example' "
        '([Errno -2] Name or service not known)"))',
        "this host finds no address of the ACME server https://acme.example/dir; ",
    ),
    (
        f"requests.exceptions.ConnectionError: {POOL}(Caused by NewConnectionError('<urllib3."
        "connection.HTTPSConnection object at 0x7fbe29912610>: Failed to establish a new "
        "connection: [Errno -2] Name or service not known'))",
        "this host finds no address of the ACME server https://acme.example/dir; ",
    ),
    (
        f"requests.exceptions.SSLError: {POOL}(Caused by SSLError(SSLCertVerificationError(1, "
        "'[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer "
        "certificate (_ssl.c:1129)')))",
        "this host does not trust the certificate of the ACME server https://acme.example/dir; ",
    ),
    (
        "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /nope.pem",
        "acme_ca_file is not on the host; ",
    ),
    (
        f"requests.exceptions.ConnectTimeout: {POOL}(Caused by ConnectTimeoutError(<urllib3."
        "connection.HTTPSConnection object at 0xffffb36629d0>, 'Connection to acme.example timed "
        "out. (connect timeout=45)'))",
        "the ACME server https://acme.example/dir does not answer in time; ",
    ),
    (
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='acme.example', port=443): "
        "Read timed out. (read timeout=45)",
        "the ACME server https://acme.example/dir does not answer in time; ",
    ),
    (
        "acme.errors.ClientError: <Response [404]>",
        "the ACME server https://acme.example/dir does not answer as an ACME server; ",
    ),
    (
        "There were too many requests of a given type :: Error creating new order :: too many "
        "certificates (5) already issued for this exact set of domains in the last 168h0m0s: "
        "api.example.com, retry after 2026-11-26 15:34:00 UTC: see "
        "https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-hostnames",
        "the ACME server https://acme.example/dir has given or refused too many of late; ",
    ),
    (
        'too many failed authorizations (5) for "www.example.com" in the last 1h0m0s, retry after '
        "2026-06-12 15:34:00 UTC: see https://letsencrypt.org/docs/rate-limits/",
        "the ACME server https://acme.example/dir has given or refused too many of late; ",
    ),
    (
        "Account https://acme.example/my-account/13f66335ca305972 not found.",
        "the ACME server https://acme.example/dir does not know the account of this host any more; "
        "move /etc/letsencrypt/accounts/acme.example away, ",
    ),
    (
        'Error creating new order :: Cannot issue for "api.example.com": The ACME server refuses '
        "to issue a certificate for this domain name, because it is forbidden by policy",
        "the ACME server https://acme.example/dir gives none to such a domain; ",
    ),
    (
        "Error finalizing order :: While processing CAA for api.example.com: CAA record for "
        "example.com prevents issuance",
        "a CAA record forbids the ACME server https://acme.example/dir to give it; ",
    ),
]

OWN = [
    ("Another instance of Certbot is already running.", "another Certbot is at work "),
    (
        "Unable to register an account with ACME server",
        "the ACME server https://acme.example/dir makes no account; correct acme_email",
    ),
    (
        "Unable to register an account with ACME server. The ACME server believes a@b is an "
        "invalid email address. Please ensure it is a valid email and attempt registration again.",
        "the ACME server https://acme.example/dir makes no account; correct acme_email",
    ),
    (
        "Missing command line flag or config entry for this setting:\nPlease choose an account",
        "there are several accounts in /etc/letsencrypt/accounts/acme.example; ",
    ),
    (
        "You've asked to renew/replace a seemingly valid certificate with a test certificate "
        "(domains: api.example.com). We will not do that unless you use the --break-my-certs flag!",
        "Certbot does not replace a certificate that is trusted by one for tests; ",
    ),
    ("[Errno 28] No space left on device", "Certbot failed; look at /var/log/letsencrypt/"),
]

PROVIDER = [
    (
        "usage: \n  certbot [SUBCOMMAND] [options] [-d DOMAIN] [-d DOMAIN] ...\n\nCertbot can "
        "obtain and install HTTPS/TLS/SSL certificates.\ncertbot: error: unrecognized arguments: "
        "--dns-cloudflare-credentials /etc/farol/dns/cloudflare.ini",
        "Certbot has no part for cloudflare; install the package python3-certbot-dns-cloudflare",
    ),
    (
        "The requested dns-cloudflare plugin does not appear to be installed",
        "Certbot has no part for cloudflare; ",
    ),
    (
        "Error determining zone_id: 9103 Unknown X-Auth-Key or X-Auth-Email. Please confirm that "
        "you have supplied valid Cloudflare API credentials. (Did you enter the correct email "
        "address and Global key?)",
        "cloudflare refuses the login; ",
    ),
    ("File not found: /etc/farol/dns/cloudflare.ini", "cloudflare refuses the login; "),
    (
        "Error determining zone_id: 9109 Invalid access token. Please confirm that you have "
        "supplied valid Cloudflare API credentials. (Did you enter a valid Cloudflare Token?)",
        "cloudflare refuses the login; ",
    ),
    (
        "Unable to determine zone_id for api.example.com using zone names: ['api.example.com', "
        "'example.com']. Please confirm that the domain name has been entered correctly and your "
        "Cloudflare Token has access to the domain.",
        "cloudflare does not have the domain, or the token in /etc/farol/dns/cloudflare.ini ",
    ),
    (
        "Error finding domain using the DigitalOcean API: Unable to authenticate you (Did you "
        "provide a valid API token?)",
        "cloudflare refuses the login; ",
    ),
    (
        "Unable to determine base domain for api.example.com using names: ['example.com'].",
        "cloudflare does not have the domain, ",
    ),
]

HTTP = [
    (
        "connection",
        f"{AT}Connection refused",
        "port 80 of www.example.com refuses the ACME server https://acme.example/dir; ",
    ),
    (
        "connection",
        f"During secondary validation: {AT}Timeout during connect (likely firewall problem)",
        "port 80 of www.example.com does not answer the ACME server https://acme.example/dir; ",
    ),
    (
        "connection",
        f"{AT}Error getting validation data",
        "the ACME server https://acme.example/dir could not check www.example.com; ",
    ),
    (
        "dns",
        "DNS problem: NXDOMAIN looking up A for www.example.com - check that a DNS record exists "
        "for this domain",
        "the ACME server https://acme.example/dir finds no address of www.example.com; ",
    ),
    (
        "unauthorized",
        "203.0.113.10: Invalid response from http://www.example.com/.well-known/acme-challenge/x: "
        "404",
        "the ACME server https://acme.example/dir gets another answer from port 80 of "
        "www.example.com than this host's; ",
    ),
    (
        "caa",
        "CAA record for example.com prevents issuance",
        "a CAA record forbids the ACME server https://acme.example/dir to give it; ",
    ),
]


def says(text, words=None, unexpected=UNEXPECTED):
    return explain(f"{BEGIN}{unexpected}{text}\n{END}", words or WORDS)


@pytest.mark.parametrize(("text", "begins"), SERVER)
def test_failures_of_the_server(text, begins):
    said = says(text)
    assert said.startswith(begins)
    assert f"(Certbot: {text[:80]}" in said


@pytest.mark.parametrize(("text", "begins"), OWN)
def test_failures_of_certbot(text, begins):
    said = says(text, unexpected="")
    assert said.startswith(begins) and "\n" not in said


@pytest.mark.parametrize(("text", "begins"), PROVIDER)
def test_failures_of_the_dns_provider(text, begins):
    said = says(text, CLOUDFLARE, unexpected="")
    assert said.startswith(begins) and "usage" not in said


@pytest.mark.parametrize(("kind", "detail", "begins"), HTTP)
def test_challenges_over_http(kind, detail, begins):
    said = says(challenge(kind, detail), unexpected="")
    assert said.startswith(begins)
    assert said.endswith(f" (Certbot: www.example.com: {detail})")


def test_challenges_over_the_dns():
    detail = 'Incorrect TXT record "x" found at _acme-challenge.www.example.com'
    said = says(challenge("unauthorized", detail), CLOUDFLARE, unexpected="")
    assert said == (
        "the ACME server https://acme.example/dir does not find the TXT record of www.example.com; "
        "raise dns_propagation, and see that cloudflare has the domain's name servers "
        f"(Certbot: www.example.com: {detail})"
    )


def test_all_domains_that_failed_are_named():
    text = challenge("connection", f"{AT}Connection refused") + challenge(
        "unauthorized", "404", "api.example.com"
    )
    said = says(text, unexpected="")
    assert said.endswith(
        f"(Certbot: www.example.com: {AT}Connection refused; api.example.com: 404)"
    )


def test_silence():
    assert explain(BEGIN, WORDS).endswith("(Certbot: it said nothing)")
