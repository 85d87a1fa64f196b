# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the template of a virtual host prints, from the site's entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._nginx_faults import host_names

Site = Mapping[str, Any]

BALANCER_STATE = "/var/lib/farol/balancer"
# So many hosts can be out at the same time. One more, and all of them are asked.
MOST_OUT = 2
BURST = 20

LOCAL_CA = "/etc/farol/ca"
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"

# What a path may have of its own; a path without it has the site's.
OWN = ("max_body_size", "timeout", "stream", "cache", "allow", "users", "rate_limit")


def virtual_hosts(sites: Sequence[Site]) -> list[dict[str, Any]]:
    """The sites with everything that takes thought, so that the template only prints.

    target        what answers; scheme is how it is spoken to
    word          the name as a part of Nginx's variables
    names         names that are served; redirect_from has those that lead to the first of them
    upstreams     each with name and servers, a balancer's with its method too
    switches      one for each application by colours: word, name, state, and whether it is the site's own
    flags         for a balancer: the folder of the flags, and the hosts
    choices       for a balancer: the upstream by the names of the hosts that are out, a blank before each
    zones         limits of the site itself; all_zones has those of its paths as well
    locations     each with match, and what it does and has of its own
    """
    by_name = {site["name"]: site for site in sites}
    return [_virtual_host(site, by_name) for site in sites]


def _virtual_host(site: Site, sites: Mapping[str, Site]) -> dict[str, Any]:
    locations = _locations(site, sites)
    place = _place(site, site["name"])
    return {
        **site,
        **place,
        **_reached(site),
        "word": _word(site),
        "names": [site["domain"], *(site.get("aliases") or [])],
        "redirect_from": list(site.get("redirect_from") or []),
        "upstreams": list(_upstreams(site)),
        "switches": list(_switches(site, sites)),
        "flags": _flags(site),
        "choices": _choices(site),
        "trusted": trusted(site) if site.get("balance") else "",
        "all_zones": [zone for each in [place, *locations] for zone in each["zones"]],
        "locations": locations,
    }


def certificates(
    sites: Sequence[Site], tls: str, certificate: str = "", key: str = ""
) -> list[dict[str, Any]]:
    """What the module certificates takes: one for each site."""
    wanted = []
    for site in sites:
        source = "files" if site.get("tls_certificate") else site.get("tls") or tls
        own = {"certificate": site.get("tls_certificate"), "key": site.get("tls_key")}
        if source == "local_ca":
            own = {"certificate": f"{LOCAL_CA}/host.crt", "key": f"{LOCAL_CA}/host.key"}
        elif source == "files" and not own["certificate"]:
            own = {"certificate": certificate, "key": key}
        wanted.append(
            {
                "name": site["name"],
                "domains": host_names(site),
                "source": source,
                **(_dns(site) if source == "acme" else own),
            }
        )
    return wanted


def _dns(site: Site) -> dict[str, Any]:
    return {"dns": site["dns"]} if site.get("dns") else {}


def watched(sites: Sequence[Site]) -> list[dict[str, Any]]:
    """What the service that asks a balancer's hosts for their health reads."""
    return [
        {
            "name": site["name"],
            "host": site["domain"],
            "path": site["health"],
            "tls": tls,
            "ca": trusted(site) if tls else "",
            "servers": dict(site["balance"]["servers"]),
        }
        for site in sites
        if site.get("balance") and site.get("health")
        for tls in [_speaks_tls(site)]
    ]


def trusted(site: Site) -> str:
    """The authorities that a balancer trusts its hosts' certificates by."""
    own = site["balance"].get("ca_files")
    return f"/etc/nginx/trusted/{site['name']}.pem" if own else SYSTEM_CA


def password_files(sites: Sequence[Site]) -> list[dict[str, Any]]:
    """Users and their hashed passwords, and the name of the file for them."""
    return [
        {
            "file": f"{site['name']}.{index}" if index else site["name"],
            "users": dict(entry["users"]),
        }
        for site in sites
        for index, entry in enumerate([site, *(site.get("paths") or [])])
        if entry.get("users")
    ]


def target(site: Site) -> str:
    """What proxy_pass names: an upstream, or the variable that holds one."""
    if site.get("colours"):
        return f"$live_{_word(site)}"
    if site.get("balance"):
        return f"$balance_{_word(site)}"
    return site["name"]


def _word(site: Site) -> str:
    return site["name"].replace("-", "_")


def _upstreams(site: Site) -> Iterator[dict[str, Any]]:
    name = site["name"]
    if site.get("colours"):
        for colour in ("blue", "green"):
            yield {
                "name": f"{name}_{colour}",
                "servers": [f"127.0.0.1:{site['colours'][colour]}"],
            }
    elif site.get("balance"):
        servers = site["balance"]["servers"]
        cookie = site["balance"].get("sticky_cookie")
        for out in _outs(servers):
            yield {
                "name": _without(name, out, servers),
                "servers": [address for host, address in servers.items() if host not in out],
                "method": f"hash $cookie_{cookie} consistent" if cookie else "least_conn",
            }
    else:
        yield {"name": name, "servers": [site["upstream"]]}


def _outs(servers: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Which hosts can be out while at least one is left."""
    for count in range(min(MOST_OUT, len(servers) - 1) + 1):
        yield from combinations(servers, count)


def _without(name: str, out: Sequence[str], servers: Mapping[str, str]) -> str:
    hosts = list(servers)
    return "_".join([name, *(f"without_{hosts.index(host)}" for host in out)])


def _flags(site: Site) -> dict[str, Any]:
    if not site.get("balance"):
        return {}
    return {"state": f"{BALANCER_STATE}/{site['name']}", "hosts": list(site["balance"]["servers"])}


def _choices(site: Site) -> dict[str, str]:
    """The upstream by the names of the hosts that are out, each behind a blank."""
    if not site.get("balance"):
        return {}
    servers = site["balance"]["servers"]
    return {
        "".join(f" {host}" for host in out): _without(site["name"], out, servers)
        for out in _outs(servers)
    }


def _switches(site: Site, sites: Mapping[str, Site]) -> Iterator[dict[str, Any]]:
    """The site's own application first, then those that its paths borrow."""
    borrowed = [entry.get("site") for entry in site.get("paths") or []]
    for name in dict.fromkeys([site["name"], *borrowed]):
        other = sites.get(name, {})
        if other.get("colours"):
            yield {
                "word": _word(other),
                "name": name,
                "state": other["state"],
                "own": name == site["name"],
            }


def _locations(site: Site, sites: Mapping[str, Site]) -> list[dict[str, Any]]:
    prefixes: dict[str, dict[str, Any]] = {"/": {}}
    for path in site.get("websocket") or []:
        prefixes.setdefault(path, {})["websocket"] = True
    for index, entry in enumerate(site.get("paths") or [], 1):
        own = {key: value for key, value in entry.items() if value is not None}
        prefixes.setdefault(entry["path"], {}).update(own, zone=f"{site['name']}.{index}")
    plain = [
        _prefix(site, sites.get(entry.get("site"), site), path, entry)
        for path, entry in sorted(prefixes.items())
    ]
    return [*_health(site), *_closed(site), *plain]


def _prefix(site: Site, other: Site, path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    folder = (entry.get("folder") or "").rstrip("/")
    return {
        "match": f"^~ {path}" if folder and path != "/" else path,
        "path": path,
        "websocket": entry.get("websocket", False),
        "folder": folder,
        "redirect": entry.get("redirect"),
        "cache_control": entry.get("cache_control") or "public, max-age=3600",
        "borrowed": other.get("state") if other is not site else None,
        **_reached(other),
        **_place(entry, entry.get("zone", site["name"])),
    }


def _reached(site: Site) -> dict[str, Any]:
    return {"target": target(site), "scheme": "https" if _speaks_tls(site) else "http"}


def _speaks_tls(site: Site) -> bool:
    return bool(site.get("balance")) and site["balance"].get("tls") is not False


def _health(site: Site) -> Iterator[dict[str, Any]]:
    """The path that a balancer in front asks; a balancer asks its hosts for it itself."""
    path = site.get("health")
    if path and site.get("colours") and path not in (site.get("closed") or []):
        yield {
            "match": f"= {path}",
            "path": path,
            "health": site["state"],
            "websocket": False,
            "borrowed": None,
            **_reached(site),
            **_place({}, site["name"]),
        }


def _closed(site: Site) -> Iterator[dict[str, Any]]:
    for path in site.get("closed") or []:
        for match in (f"= {path}", f"^~ {path.rstrip('/')}/"):
            yield {"match": match, "path": path, "closed": True, **_place({}, site["name"])}


def _place(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a site and a path may both have, and the zones that count for it."""
    limit = entry.get("rate_limit") or {}
    zones: list[dict[str, Any]] = []
    if limit.get("requests_per_second"):
        burst = limit.get("burst")
        zones.append(
            {
                "kind": "req",
                "name": f"{name}.req",
                "rate": f"{limit['requests_per_second']}r/s",
                "burst": BURST if burst is None else burst,
            }
        )
    if limit.get("connections"):
        zones.append({"kind": "conn", "name": f"{name}.conn", "most": limit["connections"]})
    return {
        **{key: entry.get(key) for key in OWN},
        "password_file": name if entry.get("users") else None,
        "zones": zones,
    }
