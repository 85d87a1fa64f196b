# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses in the one form that rules are compared in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def networks(sources: Iterable[str], holding: str | None = None) -> list[str]:
    """Each address or network once, as UFW and nft print it; only those that hold an address, if one is given."""
    found = {_text(network): network for network in map(_network, sources)}
    if holding is None:
        return list(found)
    address = _address(holding)
    return [text for text, network in found.items() if address in network]


def _network(source: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(source.strip(), strict=False)
    except ValueError:
        raise ValueError(
            f"{source!r} is no address and no network; write it as in 192.0.2.7, 10.0.0.0/8 "
            "or 2001:db8::/32"
        ) from None
    if network.prefixlen == 0:
        raise ValueError(f"{source!r} is every address; leave the list empty instead")
    return network


def _text(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    # What sshd says of an IPv4 client where it listens for both with one socket.
    return getattr(address, "ipv4_mapped", None) or address
