# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of a provider's firewall, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_interface, ip_network
from typing import Any

Rule = Mapping[str, Any]

EVERYWHERE = ("0.0.0.0/0", "::/0")
HOST_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
PUBLIC_KEY = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]{40,}=*( .*)?")
PORT = re.compile(r"(\d{1,5})(?::(\d{1,5}))?")


def faults(rules: Sequence[Rule], name: str, keys: Sequence[Rule], ssh_port: int) -> list[str]:
    """One line for each fault."""
    found = []
    if not HOST_NAME.fullmatch(name):
        found.append(
            "the name is none for a VPS; use lower-case letters, digits, hyphens and dots, at most 63"
        )
    if not keys:
        found.append("provision_ssh_keys: is empty, and nobody could log in; name a key")
    for key in keys:
        if not PUBLIC_KEY.fullmatch(str(key["public_key"]).strip()):
            found.append(
                f"provision_ssh_keys {key['name']}: is no public key of OpenSSH; use the content of a .pub file"
            )
    for index, rule in enumerate(rules):
        found += [f"provision_firewall_rules[{index}]: {fault}" for fault in _rule_faults(rule)]
    if not found and not any(_opens(rule, int(ssh_port)) for rule in rules):
        found.append(
            f"provision_firewall_rules: port {ssh_port} is closed, and SSH could not be reached; open it"
        )
    return found


def _rule_faults(rule: Rule) -> Iterator[str]:
    port = str(rule.get("port") or "")
    if rule.get("proto") == "icmp":
        if port:
            yield "ICMP has no ports; take port out"
    elif not (ends := _ends(port)):
        yield f"port: {port!r} is no port; use 1 to 65535, or a range as 8000:8010"
    elif not 1 <= ends[0] <= ends[1] <= 65535:
        yield f"port: {port!r} is out of range; use 1 to 65535, the lower one first"
    for network in rule.get("from") or []:
        try:
            ip_network(network, strict=False)
        except ValueError:
            yield f"from: {network!r} is no address and no network"


def _ends(port: str) -> tuple[int, int] | None:
    match = PORT.fullmatch(port)
    return (int(match[1]), int(match[2] or match[1])) if match else None


def _opens(rule: Rule, port: int) -> bool:
    ends = _ends(str(rule.get("port") or ""))
    return rule.get("proto", "tcp") == "tcp" and bool(ends) and ends[0] <= port <= ends[1]


def hetzner_rules(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """As hetzner.hcloud.firewall takes them."""
    return [
        {
            "direction": "in",
            "protocol": rule.get("proto", "tcp"),
            "source_ips": _networks(rule),
            **({"port": str(rule["port"]).replace(":", "-")} if rule.get("port") else {}),
        }
        for rule in rules
    ]


def vultr_rules(
    rules: Sequence[Rule], surplus_of: Sequence[Rule] | None = None
) -> list[dict[str, Any]]:
    """As vultr.cloud.firewall_rule takes them, one for each network; with `surplus_of` those in it that are not wanted."""
    wanted = [_vultr(rule, network) for rule in rules for network in _networks(rule)]
    if surplus_of is None:
        return wanted
    keys = ("ip_type", "protocol", "port", "subnet", "subnet_size")
    there = [
        {**{key: rule.get(key) for key in keys}, "port": rule.get("port") or ""}
        for rule in surplus_of
    ]
    return [rule for rule in there if rule not in wanted]


def _vultr(rule: Rule, network: str) -> dict[str, Any]:
    parsed = ip_network(network)
    return {
        "ip_type": f"v{parsed.version}",
        "protocol": rule.get("proto", "tcp"),
        "port": str(rule.get("port") or ""),
        "subnet": str(parsed.network_address),
        "subnet_size": parsed.prefixlen,
    }


def _networks(rule: Rule) -> list[str]:
    return [str(ip_network(each, strict=False)) for each in rule.get("from") or EVERYWHERE]


def host_address(network: str) -> str:
    """The address that a server has in the IPv6 network that Hetzner gives it, empty without one."""
    if not network:
        return ""
    parsed = ip_interface(network)
    return str(parsed.ip if parsed.network.prefixlen == 128 else parsed.network.network_address + 1)
