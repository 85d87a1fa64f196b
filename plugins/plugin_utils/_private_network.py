# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that listen on private addresses only: what is wrong with those, and who is replica of whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

Options = Mapping[str, Any]


def address_faults(prefix: str, options: Options) -> Iterator[str]:
    """The faults of `addresses`, `containers_address`, `clients` and `container_networks`, named with the role's prefix."""
    for name in ("addresses", "containers_address"):
        given = options[name]
        for text in [given] if isinstance(given, str) else given:
            yield from _listening(f"{prefix}_{name}", text)
    for name in ("clients", "container_networks"):
        for text in options.get(name) or []:
            yield from _let_in(f"{prefix}_{name}", text)
    if options["clients"] and not options["addresses"]:
        yield (
            f"{prefix}_clients: nobody outside reaches this host without {prefix}_addresses; name a private address there"
        )


def _listening(path: str, text: str) -> Iterator[str]:
    try:
        address = ip_address(text)
    except ValueError:
        yield f"{path}: {text!r} is no address"
        return
    if address.is_unspecified:
        yield f"{path}: {text} is every address; name the private ones"
    elif address.is_global:
        yield (
            f"{path}: {text} is public; what holds data listens on private addresses only. Use a private network or WireGuard "
            "between hosts"
        )


def _let_in(path: str, text: str) -> Iterator[str]:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        yield f"{path}: {text!r} is no address and no network"
        return
    if network.prefixlen == 0:
        yield f"{path}: {text} is everybody; name addresses or private networks"


def missing_faults(prefix: str, what: str, options: Options, there: Sequence[str]) -> Iterator[str]:
    """The addresses to listen on that the host does not have."""
    address = options["containers_address"]
    if options["containers"] and address not in there:
        yield (
            f"it has no address {address}, which containers would reach {what} at. Run the role docker before this one, set "
            f"{prefix}_containers_address to the address of docker0, or set {prefix}_containers: false"
        )
    for text in options["addresses"]:
        if text not in there and not ip_address(text).is_loopback:
            yield (
                f"{prefix}_addresses: it has no address {text}; correct it, or bring up the private network first"
            )


def replicas(
    hosts: Iterable[str], hostvars: Mapping[str, Any], host: str, prefix: str
) -> dict[str, str]:
    """The hosts that name `host` as their primary, with the addresses that they come from."""
    return {
        name: address(name, hostvars[name], prefix)
        for name in hosts
        if name != host and hostvars[name].get(f"{prefix}_primary") == host
    }


def address(name: str, variables: Mapping[str, Any], prefix: str) -> str:
    own = variables.get(f"{prefix}_address")
    return str(own or variables.get("ansible_host") or name)


def member_faults(prefix: str, members: Mapping[str, str]) -> Iterator[str]:
    for name, text in members.items():
        try:
            ip_address(text)
        except ValueError:
            yield f"{prefix}_address: {name} needs the address that the other hosts reach it at, and has {text!r}"
