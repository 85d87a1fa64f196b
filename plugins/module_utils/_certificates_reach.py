# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an ACME server that asks a domain at port 80 would get to this host: its DNS and a file to fetch.

A server counts failed tries and refuses more of them for an hour or a week, so it is asked last.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils._certificates import CertificatesError
from ansible_collections.farol.vps.plugins.module_utils._health import explain, shorten

PORT = 80
TIMEOUT = 5
CHALLENGES = ".well-known/acme-challenge"
# What containers and virtual machines are reached by is no address for a visitor.
INTERNAL = ("docker", "br-", "veth", "virbr", "lxc", "tun", "wg")

Address = "ipaddress.IPv4Address | ipaddress.IPv6Address"


class Probe(NamedTuple):
    """A file that is to be fetched: the folder it is in, its path in a URL, its content."""

    webroot: str
    path: str
    token: str


def parse_addresses(given: Iterable[str]) -> list[Address]:
    """The addresses that an option gives."""
    try:
        return [ipaddress.ip_address(each) for each in given]
    except ValueError as error:
        raise CertificatesError(f"addresses: {error}; correct it") from None


def own_addresses() -> list[Address]:
    """The addresses of this host's interfaces, the one to tell a DNS of before the others."""
    done = host.run(["ip", "-json", "address"])
    if done.code:
        raise CertificatesError(
            f"'ip -json address' failed: {shorten(done.err)}; give the host's addresses in addresses"
        )
    found = sort_addresses(json.loads(done.out))
    if not found:
        raise CertificatesError("this host has no address of its own; give one in addresses")
    return found


def sort_addresses(interfaces: Iterable[Mapping]) -> list[Address]:
    """Read what C(ip -json address) prints."""
    found = []
    for interface in interfaces:
        internal = interface.get("ifname", "").startswith(INTERNAL)
        for each in interface.get("addr_info", []):
            address = ipaddress.ip_address(each["local"])
            if not (address.is_loopback or address.is_link_local):
                fleeting = bool(each.get("temporary") or each.get("deprecated"))
                found.append((not address.is_global, internal, fleeting, len(found), address))
    return [each[-1] for each in sorted(found)]


def lookup(domain: str) -> list[str]:
    """The addresses of a domain. Raise socket.gaierror if there are none."""
    found = socket.getaddrinfo(domain, PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_what, address in found))


def dns_fault(domain: str, found: Iterable[str], own: list[Address]) -> str:
    """What to change in the DNS so that a domain leads here, empty if it does."""
    addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
    # A loopback address comes from /etc/hosts, as clouds write it for the host's own name. It says nothing of the DNS.
    if any(address.is_loopback for address in addresses):
        return ""
    foreign = [address for address in addresses if address not in own]
    if addresses and not foreign:
        return ""
    faults = []
    for version, record in ((4, "A"), (6, "AAAA")):
        wrong = " and ".join(str(each) for each in foreign if each.version == version)
        here = [each for each in own if each.version == version]
        if wrong and here and not set(here) & set(addresses):
            faults.append(
                f"set an {record} record for {domain} to {here[0]}; it resolves to {wrong}"
            )
        elif wrong:
            faults.append(f"remove the {record} record {wrong} of {domain}, which is not this host")
    if not addresses:
        record = "A" if own[0].version == 4 else "AAAA"
        faults.append(f"set an {record} record for {domain} to {own[0]}; it does not resolve")
    if not any(address.is_global for address in own):
        faults.append("or, if another address leads to this host, add it to addresses")
    return "; ".join(faults)


def examine(
    domains: Iterable[str],
    own: list[Address] | None,
    webroot: str,
    check: bool,
) -> dict[str, str]:
    """What keeps each domain from being proven here, empty where nothing does.

    Without C(own) addresses the DNS may say what it likes. With C(check) nothing is written and fetched.
    """
    names = sorted(set(domains))
    with ThreadPoolExecutor(max_workers=16) as pool:
        found = dict(pool.map(lambda name: (name, _resolve(name, own)), names))
        faults = {name: fault for name, (_addresses, fault) in found.items()}
        reachable = [name for name in names if not faults[name]]
        if reachable and not check:
            with _probe(webroot) as probe:
                ask = partial(fetch, probe)
                faults.update(pool.map(lambda name: (name, ask(name, found[name][0])), reachable))
    return faults


def _resolve(domain: str, own: list[Address] | None) -> tuple[list[str], str]:
    try:
        addresses = lookup(domain)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return [], (
                f"{domain} cannot be looked up ({error.strerror}); "
                "see whether this host's DNS works with 'resolvectl status'"
            )
        addresses = []
    if own is not None:
        return addresses, dns_fault(domain, addresses, own)
    return addresses, "" if addresses else f"{domain} does not resolve; set its A record"


@contextmanager
def _probe(webroot: str) -> Iterator[Probe]:
    """A file where Certbot puts its own, gone afterwards."""
    name, token = f"farol-{secrets.token_hex(8)}", secrets.token_hex(16)
    folder = os.path.join(webroot, CHALLENGES)
    if not os.path.isdir(webroot):
        raise CertificatesError(
            f"webroot: there is no folder {webroot}; make it, and let Nginx serve it at port 80"
        )
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    try:
        with open(path, "w", encoding="ascii") as stream:
            stream.write(token)
        yield Probe(webroot, f"/{CHALLENGES}/{name}", token)
    finally:
        with suppress(OSError):
            os.unlink(path)
            os.rmdir(folder)
            os.rmdir(os.path.dirname(folder))


def fetch(probe: Probe, domain: str, addresses: list[str]) -> str:
    """Ask for the file as an ACME server would, and say what came instead of it.

    As that does, IPv6 is tried first, and the next address where one cannot be connected to.
    """
    silent = []
    for address in sorted(addresses, key=lambda each: ":" not in each):
        connection = HTTPConnection(address, PORT, timeout=TIMEOUT)
        try:
            connection.connect()
        except OSError as error:
            silent.append(f"{address} ({explain(error, TIMEOUT)})")
            continue
        try:
            connection.request("GET", probe.path, headers={"Host": domain})
            answer = connection.getresponse()
            body = answer.read(1024).decode(errors="replace").strip()
            seen = _seen(answer.status, answer.getheader("Location"), body, probe.token)
        except (OSError, HTTPException) as error:
            seen = explain(error, TIMEOUT)
        finally:
            connection.close()
        if not seen:
            return ""
        return (
            f"http://{domain}{probe.path} at {address} port {PORT}: {seen}, where a file in {probe.webroot} was due; "
            "let Nginx serve that folder to this name, and see whether something else answers there"
        )
    return (
        f"{domain} is not reachable at port {PORT} of {' and '.join(silent)}; "
        "start Nginx, and open the port in the firewall"
    )


def _seen(status: int, location: str | None, body: str, token: str) -> str:
    if status == 200 and body == token:
        return ""
    if location:
        return f"{status}, a redirect to {shorten(location)}"
    return f"{status} {shorten(body, 80)}".rstrip()
