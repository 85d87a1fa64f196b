# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the sites of the nginx role, beyond what types show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._csp import csp_faults
from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

NAME = re.compile(r"[a-z][a-z0-9-]*")
HOST_NAME = re.compile(r"(\*\.)?[a-z0-9][a-z0-9.-]*")
PATH = re.compile(r"/[^\s{};\"'#?$\\]*")
URL = re.compile(r"(https?://[^\s{};\"'\\]+|/[^\s{};\"'\\]*)")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
SIZE = re.compile(r"\d+[kKmMgG]?")
HASH = re.compile(r"\$(1|5|6|y|2[aby]|apr1)\$\S+|\{S?SHA\}\S+")
COOKIE = re.compile(r"[A-Za-z0-9_]+")
# https://hstspreload.org/#submission-requirements
PRELOAD_SECONDS = 31536000


def site_faults(sites: Sequence[Mapping[str, Any]], tls: str = "local_ca") -> list[str]:
    """One line for each fault, the site's name first. `tls` is where certificates come from unless a site says otherwise."""
    names = [site["name"] for site in sites]
    faults = [
        f"{name}: no name for a site; use a-z, 0-9 and -, a letter first"
        for name in names
        if not NAME.fullmatch(name)
    ]
    faults += [f"{name}: two sites have that name; rename one" for name in _twice(names)]
    claimed = [host for site in sites for host in host_names(site)]
    faults += [f"{host}: is claimed twice; take it out of one site" for host in _twice(claimed)]
    for site in sites:
        found = [
            *_name_faults(site, tls),
            *_reach_faults(site),
            *_place_faults(site),
            *_policy_faults(site),
        ]
        for entry in site.get("paths") or []:
            found += [f"paths {entry['path']}: {fault}" for fault in _path_faults(entry, names)]
        for path in _twice([entry["path"] for entry in site.get("paths") or []]):
            found.append(f"paths: {path} is listed twice; make one entry of it")
        faults += [f"{site['name']}: {fault}" for fault in found]
    return faults


def host_names(site: Mapping[str, Any]) -> list[str]:
    return [site["domain"], *(site.get("aliases") or []), *(site.get("redirect_from") or [])]


def _twice(values: Sequence[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def _name_faults(site: Mapping[str, Any], tls: str) -> Iterator[str]:
    source = site.get("tls") or tls
    for host in host_names(site):
        if not HOST_NAME.fullmatch(host):
            yield f"{host!r} is no domain; use lower-case letters, digits, hyphens and dots"
        elif host.startswith("*.") and source == "acme" and not site.get("dns"):
            yield f"{host}: an ACME server asks for a name with * in the DNS only; set dns, or name each host"
    if bool(site.get("tls_certificate")) != bool(site.get("tls_key")):
        yield "tls_certificate and tls_key go together; set both"


def _reach_faults(site: Mapping[str, Any]) -> Iterator[str]:
    balance = site.get("balance") or {}
    for host, address in (balance.get("servers") or {}).items():
        if not re.fullmatch(r"[a-z0-9-]+", host):
            yield f"balance.servers: {host!r} is no name for a host; use a-z, 0-9 and -"
        if not re.fullmatch(r"(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):\d{1,5}", str(address)):
            yield f"balance.servers.{host}: {address!r} is no address; write host:port"
    if balance and not balance.get("servers"):
        yield "balance.servers: names no host"
    cookie = balance.get("sticky_cookie")
    if cookie and not COOKIE.fullmatch(cookie):
        yield f"balance.sticky_cookie: Nginx can't read a cookie named {cookie!r}; use letters, digits and _"


def _place_faults(place: Mapping[str, Any]) -> Iterator[str]:
    """What a site and a path may both have."""
    size = place.get("max_body_size")
    if size and not SIZE.fullmatch(str(size)):
        yield f"max_body_size: {size!r} is no size; write it like 500m"
    for network in place.get("allow") or []:
        try:
            ip_network(network, strict=False)
        except ValueError:
            yield f"allow: {network!r} is no address and no network"
    for user, hashed in (place.get("users") or {}).items():
        if not re.fullmatch(r"[^:\s]+", str(user)):
            yield f"users: {user!r} is no name; leave out blanks and colons"
        if not isinstance(hashed, str) or not HASH.fullmatch(hashed):
            yield f"users.{user}: is no hash of a password; make one with: openssl passwd -6"
    for key in ("timeout", "cache"):
        if place.get(key) is not None and int(place[key]) < 1:
            yield f"{key}: {place[key]} is no time; use 1 or more seconds"
    for key, value in (place.get("rate_limit") or {}).items():
        if value is not None and int(value) < (0 if key == "burst" else 1):
            yield f"rate_limit.{key}: {value} lets nobody in; use 1 or more"


def _path_faults(entry: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    if not PATH.fullmatch(entry["path"]):
        yield "is no path; begin with / and use no blanks, quotes or ;{}#?$"
    other = entry.get("site")
    if other and other not in names:
        yield f"site: there is no site named {other}{did_you_mean(other, names)}"
    if entry.get("redirect") and not URL.fullmatch(entry["redirect"]):
        yield f"redirect: {entry['redirect']!r} is no address; begin with https:// or /"
    folder = entry.get("folder")
    if folder and not PATH.fullmatch(folder):
        yield f"folder: {folder!r} is no absolute path"
    yield from _place_faults(entry)


def _policy_faults(site: Mapping[str, Any]) -> Iterator[str]:
    if site.get("csp"):
        yield from (f"csp: {fault}" for fault in csp_faults(site["csp"]))
    yield from header_faults(site.get("headers") or {})


def header_faults(headers: Mapping[str, Any]) -> Iterator[str]:
    for name, value in headers.items():
        if not HEADER.fullmatch(str(name)):
            yield f"headers: {name!r} is no name of a header"
        if re.search(r"[\r\n$\\\"]", str(value or "")):
            yield f"headers.{name}: leave out line breaks, quotes, backslashes and $"
        if str(name).lower() == "content-security-policy":
            yield "headers: write the policy as csp, a dictionary that is checked"
        if str(name).lower() == "strict-transport-security" and "preload" in str(value):
            seconds = re.search(r"max-age=(\d+)", str(value))
            if (
                "includesubdomains" not in str(value).lower()
                or not seconds
                or int(seconds[1]) < PRELOAD_SECONDS
            ):
                yield (
                    "headers.Strict-Transport-Security: preload needs includeSubDomains and a max-age of "
                    f"{PRELOAD_SECONDS} or more, and every subdomain on HTTPS (https://hstspreload.org)"
                )
