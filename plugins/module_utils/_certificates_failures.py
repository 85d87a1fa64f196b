# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Certbot's failures mean and what to do about them; its messages are those of 1.21 to 4.0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ansible_collections.farol.vps.plugins.module_utils._health import shorten

LOCKED = "Another instance of Certbot is already running"

PROBLEM = re.compile(r"^ *Domain: (\S+)\n *Type: +(\S+)\n *Detail: (.+)$", re.MULTILINE)
CHATTER = re.compile(
    r"Saving debug log|Requesting a certificate|Renewing an existing|Account registered"
    r"|An unexpected error occurred:|Ask for help|Some challenges have failed"
)


class Meaning(NamedTuple):
    """A part of what Certbot says, or of `TYPE: DETAIL` of a challenge; cause and remedy."""

    part: str
    text: str


CAA = Meaning(
    r"(?i)\bcaa\b",
    "a CAA record forbids {server} to give it; have the record allow it, or remove the record",
)
LIMITED = Meaning(
    r"(?i)too many|rate ?limit",
    "{server} has given or refused too many of late; wait as long as it says, "
    "what is served till then stays",
)

OVER_HTTP = [
    CAA,
    LIMITED,
    Meaning(
        r"(?i)refused",
        "port 80 of {domain} refuses {server}; "
        "open the port in the firewall, in the provider's too",
    ),
    Meaning(
        r"(?i)timeout|timed out|deadline exceeded",
        "port 80 of {domain} does not answer {server}; "
        "open the port in the firewall, in the provider's too",
    ),
    Meaning(
        r"^dns:",
        "{server} finds no address of {domain}; "
        "set its A record, or wait until a new one is known everywhere",
    ),
    Meaning(
        r"^(unauthorized|incorrectResponse):",
        "{server} gets another answer from port 80 of {domain} than this host's; "
        "see where its A and AAAA records lead, and what answers there",
    ),
    Meaning(r"", "{server} could not check {domain}; see that its port 80 answers the internet"),
]

OVER_DNS = [
    CAA,
    LIMITED,
    Meaning(
        r"",
        "{server} does not find the TXT record of {domain}; "
        "raise dns_propagation, and see that {dns} has the domain's name servers",
    ),
]

FAILURES = [
    Meaning(
        LOCKED,
        "another Certbot is at work and does not end; "
        "see what it waits for with 'systemctl status certbot'",
    ),
    Meaning(
        r"suitable TLS CA certificate bundle",
        "acme_ca_file is not on the host; write it there first, or correct the path",
    ),
    Meaning(
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "this host does not trust the certificate of {server}; name its authority in acme_ca_file, "
        "or see whether ca-certificates is installed and the clock is right",
    ),
    Meaning(
        r"Failed to resolve|Name or service not known|name resolution",
        "this host finds no address of {server}; "
        "correct acme_server, or see whether 'getent hosts {host}' answers",
    ),
    Meaning(
        r"timed out|no end within",
        "{server} does not answer in time; "
        "run this again later, and see that the firewall lets connections out",
    ),
    Meaning(
        r"Connection refused|No route to host|unreachable|Max retries exceeded",
        "{server} cannot be reached; "
        "see that it runs, that acme_server is right and that the firewall lets connections out",
    ),
    LIMITED,
    Meaning(
        r"Account \S+ not found|account.* does not exist|No such account",
        "{server} does not know the account of this host any more; "
        "move {letsencrypt}/accounts/{host} away, and Certbot makes a new one",
    ),
    Meaning(
        r"Please choose an account",
        "there are several accounts in {letsencrypt}/accounts/{host}; leave one of them",
    ),
    Meaning(
        r"Unable to register|(contact|invalid) email",
        "{server} makes no account; correct acme_email",
    ),
    Meaning(
        r"break-my-certs",
        "Certbot does not replace a certificate that is trusted by one for tests; correct "
        "acme_server, or run 'certbot delete --cert-name {name}' on the host first",
    ),
    Meaning(
        r"unrecognized arguments: --dns|plugin does not appear",
        "Certbot has no part for {dns}; install the package python3-certbot-dns-{dns}",
    ),
    Meaning(
        r"Unable to determine (zone_id|base domain)",
        "{dns} does not have the domain, or the token in {credentials} may not change it; "
        "correct dns, or let the token edit the DNS",
    ),
    Meaning(
        r"(?i)file not found|credentials|api token|authenticate you|dns_(cloudflare|digitalocean)",
        "{dns} refuses the login; put a token into {credentials} that may edit the domain's DNS",
    ),
    CAA,
    Meaning(
        r"(?i)cannot issue|forbidden by policy|rejected",
        "{server} gives none to such a domain; correct domains",
    ),
    Meaning(
        r"Response \[\d+\]|KeyError|JSONDecodeError",
        "{server} does not answer as an ACME server; correct acme_server, or run this again later",
    ),
    Meaning(r"", "Certbot failed; look at /var/log/letsencrypt/letsencrypt.log on the host"),
]


def explain(said: str, words: Mapping[str, str]) -> str:
    """Cause and remedy in one sentence, with Certbot's own words behind it."""
    problems = PROBLEM.findall(said)
    if not problems:
        own = _own_words(said)
        return _sentence(FAILURES, own, own, words)
    domain, kind, detail = problems[0]
    own = "; ".join(dict.fromkeys(f"{each}: {said_of}" for each, _kind, said_of in problems))
    meanings = OVER_DNS if words["dns"] else OVER_HTTP
    return _sentence(meanings, f"{kind}: {detail}", own, {**words, "domain": domain})


def _sentence(meanings: list[Meaning], said: str, own: str, words: Mapping[str, str]) -> str:
    text = next(meaning.text for meaning in meanings if re.search(meaning.part, said))
    return f"{text.format(**words)} (Certbot: {shorten(own, 400)})"


def _own_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    wrong = [line.partition("error: ")[2] for line in lines if line.startswith("certbot: error:")]
    told = [line for line in lines if line and not CHATTER.match(line)]
    return " ".join(wrong or told) or "it said nothing"
