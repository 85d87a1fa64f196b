# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates a host is to have: what is wrong with a wish, and when a certificate has to be obtained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

NAME = re.compile(r"[a-z][a-z0-9-]*")
DOMAIN = re.compile(r"(\*\.)?[a-z0-9][a-z0-9.-]*")
PROVIDERS = ("cloudflare", "digitalocean")
DAY = 86400
WARN_DAYS = 14


class CertificatesError(Exception):
    """What is wrong and what to do, in one text."""


@dataclass(frozen=True)
class Certificate:
    """One certificate that is wanted."""

    name: str
    domains: tuple[str, ...]
    source: str = "acme"
    dns: str = ""
    certificate: str = ""
    key: str = ""

    @property
    def acme(self) -> bool:
        return self.source == "acme"

    @property
    def server_name(self) -> str:
        """A name to ask a server for it by."""
        return self.domains[0].replace("*", "farol-check")


@dataclass(frozen=True)
class Leaf:
    """What a certificate says of itself, times in seconds since 1970."""

    der: bytes
    names: frozenset[str]
    not_before: int
    not_after: int
    serial: str
    issuer: str
    ecdsa: bool
    public_key: str

    def covers(self, domain: str) -> bool:
        """Whether it is made out to the domain; its wildcards stand for one label."""
        _label, _dot, parent = domain.partition(".")
        return domain in self.names or (domain[0] != "*" and f"*.{parent}" in self.names)


def moment(seconds: int) -> str:
    """The time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def wish_faults(certificates: Iterable[Certificate]) -> list[str]:
    """All that is wrong with the wishes, whatever the host is like."""
    wishes = list(certificates)
    found = [
        f"{name}: {count} certificates have this name; give each its own"
        for name, count in Counter(wish.name for wish in wishes).items()
        if count > 1
    ]
    for wish in wishes:
        found += [f"{wish.name}: {fault}" for fault in _wish_faults(wish)]
    return found


def _wish_faults(wish: Certificate) -> list[str]:
    found = []
    if not NAME.fullmatch(wish.name):
        found.append(
            "a name consists of lower-case letters, digits and hyphens and begins with a letter"
        )
    if not wish.domains:
        found.append("it has no domains; name at least one")
    found += [
        f"{domain!r} is no domain in lower-case letters, digits, hyphens and dots; correct it"
        for domain in wish.domains
        if not DOMAIN.fullmatch(domain)
    ]
    found += [
        f"{domain} is there {count} times; name it once"
        for domain, count in Counter(wish.domains).items()
        if count > 1
    ]
    if not wish.acme:
        found += [
            f"source {wish.source} needs {option}, a PEM file on the host"
            for option in ("certificate", "key")
            if not getattr(wish, option)
        ]
        if wish.dns:
            found.append("dns is for source acme alone; remove it")
        return found
    if wish.certificate or wish.key:
        found.append("certificate and key are for source files; remove them, or set source: files")
    if wish.dns and wish.dns not in PROVIDERS:
        found.append(f"dns: {wish.dns} is not known; use {' or '.join(PROVIDERS)}")
    if not wish.dns:
        found += [
            f"{domain} can only be proven over the DNS; set dns to the provider that hosts it"
            for domain in wish.domains
            if domain.startswith("*.")
        ]
    return found


def leaf_faults(wish: Certificate, leaf: Leaf, now: float) -> list[str]:
    """What keeps a certificate that was given from serving its domains."""
    found = []
    missing = [domain for domain in wish.domains if not leaf.covers(domain)]
    if missing:
        found.append(
            f"{wish.certificate} is not made out to {', '.join(missing)} but to "
            f"{', '.join(sorted(leaf.names)) or 'no domain'}; "
            "have it made out to all domains, or correct domains"
        )
    if leaf.not_after <= now:
        found.append(
            f"{wish.certificate} ended on {moment(leaf.not_after)}; put a new one in its place"
        )
    elif leaf.not_before > now:
        found.append(
            f"{wish.certificate} begins on {moment(leaf.not_before)}; see whether the clock is right"
        )
    return found


def leaf_warnings(wish: Certificate, leaf: Leaf, now: float) -> list[str]:
    """What will soon be wrong with a certificate that was given."""
    if leaf.not_after - now >= WARN_DAYS * DAY:
        return []
    return [
        f"certificate {wish.name}: {wish.certificate} ends on {moment(leaf.not_after)}; "
        "put a new one in its place before"
    ]


def reason_to_obtain(
    wish: Certificate,
    leaf: Leaf | None,
    renewal: Mapping[str, str],
    wanted: Mapping[str, str],
    now: float,
) -> str:
    """Why Certbot has to run, empty if it need not.

    C(renewal) is what Certbot will renew it by, C(wanted) what it should. Certbot's timer renews in
    the last third of a certificate's life, or in the last 30 days. With less than a sixth left, the timer has
    failed for weeks, and waiting for it helps no more.
    """
    if leaf is None:
        return "there is none yet"
    if leaf.names != set(wish.domains):
        return f"it is made out to {', '.join(sorted(leaf.names))}"
    for option, value in wanted.items():
        if renewal.get(option, value) != value:
            return f"its {option} is {renewal[option]}"
    if not leaf.ecdsa:
        return "its key is not ECDSA"
    if leaf.not_after - now < (leaf.not_after - leaf.not_before) / 6:
        return f"it ends on {moment(leaf.not_after)}"
    return ""


def report(
    wish: Certificate, leaf: Leaf | None, placeholder: bool, error: str, now: float
) -> dict[str, object]:
    """The form in which the module returns a certificate."""
    return {
        "name": wish.name,
        "domains": list(wish.domains),
        "source": wish.source,
        "not_after": moment(leaf.not_after) if leaf else "",
        "days_left": int((leaf.not_after - now) // DAY) if leaf else None,
        "serial": leaf.serial if leaf else "",
        "issuer": leaf.issuer if leaf else "",
        "placeholder": placeholder,
        "error": error,
    }
