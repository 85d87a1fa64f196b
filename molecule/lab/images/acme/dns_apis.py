#!/usr/bin/env python3
"""The part of DigitalOcean's and Cloudflare's APIs that certbot's plugins use, as strict as documented.

https://docs.digitalocean.com/reference/api/digitalocean/#tag/Domain-Records
https://developers.cloudflare.com/api/resources/dns/subresources/records/

What is written here is what the DNS beside it answers. Both accounts hold the same zones.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import urllib.request
from urllib.parse import parse_qsl, urlsplit

from lab_https import Json, serve

DNS = "http://127.0.0.1:8055"
# More than one page of them, so that a client has to turn it to find those which tests use.
ZONES = [*(f"customer-{number}.test" for number in range(200)), "acme.test", "farol.test"]

DIGITALOCEAN_TOKEN = "dop_v1_lab_only"
DIGITALOCEAN_READS = "dop_v1_lab_only_reads"
CLOUDFLARE_TOKEN = "lab-only-cloudflare-token-of-40-letters-"

records: dict[int, dict] = {}  # id: zone, type, name in full, content, ttl
numbers = itertools.count(1001)
lock = threading.Lock()

Answer = tuple[int, object]


def add(zone: str, given: dict, name: str, content: str) -> int:
    number = next(numbers)
    records[number] = {**given, "zone": zone, "name": name.lower(), "content": content}
    publish(name.lower())
    return number


def remove(number: int) -> None:
    publish(records.pop(number)["name"])


def publish(name: str) -> None:
    """Say all values of a name anew: the DNS can add one, but forgets them only together."""
    tell("clear-txt", host=f"{name}.")
    for record in records.values():
        if record["name"] == name:
            tell("set-txt", host=f"{name}.", value=record["content"])


def tell(what: str, **about: str) -> None:
    request = urllib.request.Request(f"{DNS}/{what}", json.dumps(about).encode())
    urllib.request.urlopen(request, timeout=5).close()


def digitalocean(method: str, path: list[str], query: dict, given: dict, by: str) -> Answer:
    if by not in (f"Bearer {DIGITALOCEAN_TOKEN}", f"Bearer {DIGITALOCEAN_READS}"):
        return 401, {"id": "unauthorized", "message": "Unable to authenticate you."}
    if by == f"Bearer {DIGITALOCEAN_READS}" and method != "GET":
        message = "You do not have access for the attempted action."
        return 403, {"id": "forbidden", "message": message}
    match method, *path:
        case "GET", "v2", "domains":
            zones = [{"name": zone, "ttl": 1800, "zone_file": None} for zone in ZONES]
            return 200, page("domains", zones, "/v2/domains", query)
        case "GET", "v2", "domains", zone, "records" if zone in ZONES:
            mine = [seen(number) for number, record in records.items() if record["zone"] == zone]
            return 200, page("domain_records", mine, f"/v2/domains/{zone}/records", query)
        case "POST", "v2", "domains", zone, "records" if zone in ZONES:
            if wrong := mistake(given):
                return 422, {"id": "unprocessable_entity", "message": wrong}
            name = zone if given["name"] == "@" else f"{given['name']}.{zone}"
            number = add(zone, {"type": "TXT", "ttl": given.get("ttl", 1800)}, name, given["data"])
            return 201, {"domain_record": seen(number)}
        case "DELETE", "v2", "domains", zone, "records", number if (
            number.isdigit() and records.get(int(number), {}).get("zone") == zone
        ):
            remove(int(number))
            return 204, None
    return 404, {
        "id": "not_found",
        "message": "The resource you were accessing could not be found.",
    }


def mistake(given: dict) -> str | None:
    ttl = given.get("ttl", 1800)
    if given.get("type") != "TXT":
        return "Type is not one that the lab has (TXT)"
    if not re.fullmatch(r"@|[\w*-]+(\.[\w*-]+)*", given.get("name") or ""):
        return "Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, ., _ and -)"
    if not isinstance(given.get("data"), str) or not given["data"]:
        return "Data can't be blank!"
    if not isinstance(ttl, int) or ttl < 30:
        return "record ttl must be greater than 30"
    return None


def seen(number: int) -> dict:
    """A record as DigitalOcean shows it: its name without the zone's, what other types have as null."""
    record = records[number]
    return {
        "id": number,
        "type": "TXT",
        "name": record["name"].removesuffix(record["zone"]).removesuffix(".") or "@",
        "data": record["content"],
        "ttl": record["ttl"],
        **dict.fromkeys(("priority", "port", "weight", "flags", "tag")),
    }


def page(key: str, items: list, path: str, query: dict) -> dict:
    size = min(int(query.get("per_page", 20)), 200)
    number, last = int(query.get("page", 1)), max(1, -(-len(items) // size))
    others = {}
    if number > 1:
        others |= {"first": 1, "prev": number - 1}
    if number < last:
        others |= {"next": number + 1, "last": last}
    at = f"https://api.digitalocean.com{path}?per_page={size}&page="
    links = {"pages": {name: f"{at}{other}" for name, other in others.items()}} if others else {}
    shown = items[(number - 1) * size : number * size]
    return {key: shown, "links": links, "meta": {"total": len(items)}}


def cloudflare(method: str, path: list[str], query: dict, given: dict, by: str) -> Answer:
    if not re.fullmatch(r"Bearer [\w-]{40}", by):
        chain = {"code": 6111, "message": "Invalid format for Authorization header"}
        return failure(400, 6003, "Invalid request headers", chain)
    if by != f"Bearer {CLOUDFLARE_TOKEN}":
        return failure(403, 9109, "Invalid access token")
    ids = {f"{number:032x}": zone for number, zone in enumerate(ZONES, 1)}
    wanted = {key.removesuffix(".exact"): value for key, value in query.items()}
    match method, *path:
        case "GET", "client", "v4", "zones":
            asked = wanted.get("name")
            return success([{"id": i, "name": z} for i, z in ids.items() if asked in (None, z)])
        case "GET", "client", "v4", "zones", zone, "dns_records" if zone in ids:
            mine = [shown(n) for n, record in records.items() if record["zone"] == ids[zone]]
            keys = wanted.keys() & {"type", "name", "content"}
            return success([r for r in mine if all(r[key] == wanted[key] for key in keys)])
        case "POST", "client", "v4", "zones", zone, "dns_records" if zone in ids:
            return create(ids[zone], given)
        case "DELETE", "client", "v4", "zones", zone, "dns_records", record if zone in ids:
            for number in records:
                if shown(number)["id"] == record and records[number]["zone"] == ids[zone]:
                    remove(number)
                    return success({"id": record})
            return failure(404, 81044, "Record does not exist.")
    at = "/".join(path[2:])
    why = f"Could not route to /{at}, perhaps your object identifier is invalid?"
    return failure(404, 7003, why)


def create(zone: str, given: dict) -> Answer:
    name, content, ttl = given.get("name"), given.get("content"), given.get("ttl", 1)
    if given.get("type") != "TXT" or not name or not content:
        return failure(400, 1004, "DNS Validation Error")
    if ttl != 1 and not 60 <= ttl <= 86400:
        why = "TTL must be between 60 and 86400 seconds, or 1 for Automatic."
        return failure(400, 1004, "DNS Validation Error", {"code": 9021, "message": why})
    if name != zone and not name.endswith(f".{zone}"):
        name = f"{name}.{zone}"
    if any((r["name"], r["content"]) == (name.lower(), content) for r in records.values()):
        return failure(400, 81058, "An identical record already exists.")
    return success(shown(add(zone, {"type": "TXT", "ttl": ttl}, name, content)))


def shown(number: int) -> dict:
    record = records[number]
    kept = {key: record[key] for key in ("type", "name", "content", "ttl")}
    return {"id": f"{number:032x}", **kept, "proxied": False, "proxiable": False}


def success(result: object) -> Answer:
    return 200, {"success": True, "errors": [], "messages": [], "result": result}


def failure(status: int, code: int, message: str, *chain: dict) -> Answer:
    error = {"code": code, "message": message, **({"error_chain": chain} if chain else {})}
    return status, {"success": False, "errors": [error], "messages": [], "result": None}


APIS = {"api.digitalocean.com": digitalocean, "api.cloudflare.com": cloudflare}


class Api(Json):
    def respond(self) -> None:
        body = self.body()
        api = APIS.get(self.headers.get("Host", ""))
        if not api:
            return self.answer(421)
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            return self.answer(400, {"id": "bad_request", "message": "Error parsing JSON body."})
        url = urlsplit(self.path)
        path, query = url.path.strip("/").split("/"), dict(parse_qsl(url.query))
        with lock:
            answer = api(self.command, path, query, given, self.headers.get("Authorization", ""))
        return self.answer(*answer)

    do_GET = do_POST = do_DELETE = respond


if __name__ == "__main__":
    serve(443, Api)
