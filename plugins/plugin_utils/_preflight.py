# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host must fulfil before a role may change it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

SUPPORTED = {"Ubuntu": ("22.04", "24.04", "26.04"), "Debian": ("12", "13")}

# What the roles rely on, and the subsets of the setup module that give it.
FACTS = (
    "architecture",
    "default_ipv4",
    "distribution",
    "distribution_major_version",
    "distribution_release",
    "distribution_version",
    "hostname",
    "memtotal_mb",
    "os_family",
    "processor_vcpus",
    "python",
    "service_mgr",
    "virtualization_type",
)
SUBSETS = (
    "!all",
    "!min",
    "distribution",
    "hardware",
    "network",
    "platform",
    "python",
    "service_mgr",
    "virtual",
)

# Of all that ssh says, what tells of a user who is not there yet.
KEY_REFUSED = r"Permission denied|authenticat"
# What cloud-init lets a key of root's run where somebody else is to log in.
ELSEWHERE = re.compile(r'login as the user "([a-z_][a-z0-9_-]*)"')

# What ssh says, what it means and what to do; the first match counts.
UNREACHABLE = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed",
        "its host key has changed",
        "if you rebuilt the host, remove the old key with ssh-keygen -R {address}",
    ),
    (
        r"Host key verification failed",
        "its host key is not known",
        "compare its fingerprint and log in once with ssh, or add it to known_hosts",
    ),
    (
        r"Could not resolve hostname|Name or service not known",
        "its name does not resolve",
        "correct ansible_host or the DNS record",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        "the private key is readable by others",
        "chmod 600 the key file",
    ),
    (
        r"Too many authentication failures",
        "it takes no more keys after the first few, which were others",
        "set ansible_ssh_private_key_file, and ansible_ssh_common_args: -o IdentitiesOnly=yes",
    ),
    (
        KEY_REFUSED,
        "it refuses the key",
        "put the public key into its authorized_keys, or correct ansible_user or the key file",
    ),
    (
        r"Connection refused",
        "connection refused",
        "if it answered a moment ago, that is UFW, which lets an address connect six times within 30 seconds: wait that "
        "long; else start sshd on the host, or correct ansible_port",
    ),
    (
        r"timed out|No route to host|Network is unreachable|Host is down",
        "no answer",
        "check that the host is up, its address, and the firewalls in between",
    ),
    (
        r"Connection (closed|reset) by|kex_exchange_identification",
        "it closed the connection",
        "check its sshd log, and whether fail2ban has banned this address",
    ),
)


class Login(NamedTuple):
    """Who logs in, and at which port."""

    user: str
    port: int


def logins(own: Login, users: Iterable[str], ports: Iterable[int]) -> list[Login]:
    """The inventory's own login, then the others, each once: its user at other ports first."""
    tried = [
        Login(user, port)
        for user in [own.user, *users]
        for port in dict.fromkeys([own.port, *ports])
    ]
    return list(dict.fromkeys(tried))


def refuses_user(said: str) -> bool:
    """Whether the host was there and refused this user, so that another may be let in at the same port."""
    return bool(re.search(KEY_REFUSED, said)) and "Too many" not in said


def unknown_variables(
    names: Iterable[str], checked: Mapping[str, Collection[str]], roles: Collection[str]
) -> list[str]:
    """Variables that bear the name of a checked role, and are no option of it."""
    known = {option for options in checked.values() for option in options}
    faults = []
    for name in sorted(names):
        owners = [role for role in roles if name.startswith(f"{role}_")]
        owner = max(owners, key=len, default="")
        if owner in checked and name not in known:
            hint = did_you_mean(name, checked[owner])
            faults.append(f"{name}: the role {owner} has no such option{hint}")
    return faults


def unreachable(host: str, address: str, port: Any, user: str, said: str) -> str:
    """One line on a host that can't be reached, with the remedy."""
    who = f"{host} ({address} port {port}, user {user}) is unreachable"
    for pattern, meaning, remedy in UNREACHABLE:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{who}: {meaning}; {remedy.format(address=address, user=user)}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"{who}: {lines[-1] if lines else 'no reason given'}"


def runs_nothing(host: str, address: str, port: Any, user: str, said: str) -> str:
    """One line on a host that lets a user in and answers with a text of its own, with the remedy."""
    return (
        f"{host} ({address} port {port}, user {user}) runs no command for this user and says: {' '.join(said.split())}; "
        "name the user that the provider has made in bootstrap_users"
    )


def unsupported(facts: Mapping[str, Any]) -> str:
    """Why the distribution is refused, or nothing."""
    name, version = facts["distribution"], str(facts["distribution_version"])
    versions = SUPPORTED.get(name, ())
    if version in versions or str(facts["distribution_major_version"]) in versions:
        return ""
    supported = "; ".join(f"{key} {', '.join(value)}" for key, value in SUPPORTED.items())
    return f"{name} {version} is not supported; supported are {supported}"
