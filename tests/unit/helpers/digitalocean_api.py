# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DigitalOcean as far as farol calls it. It lets two policies, checks or Droplets have one name, as the real one does."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from cloud_api import CloudApi, Refusal

NAMES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    422: "unprocessable_entity",
    429: "too_many_requests",
}


class DigitalOcean(CloudApi):
    provider = "digitalocean"

    def __init__(self, *args: Any, **options: Any) -> None:
        self.policies: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.alerts: dict[str, list[dict[str, Any]]] = {}
        self.keys: list[dict[str, Any]] = []
        self.droplets: list[dict[str, Any]] = []
        self.firewalls: list[dict[str, Any]] = []
        self.reserved: list[dict[str, Any]] = []
        self.records: dict[str, list[dict[str, Any]]] = {"example.com": []}
        self.verified = {"ops@example.com", "dev@example.com"}
        self.numbers = itertools.count(1001)
        self.boots = 2
        super().__init__(*args, **options)

    def error(self, status, message):
        return {
            "id": NAMES.get(status, "server_error"),
            "message": message,
            "request_id": "4d9d8375",
        }

    def page(self, key, items, query):
        size = min(int(query.get("per_page", 20)), self.page_size)
        page = int(query.get("page", 1))
        shown = items[(page - 1) * size : page * size]
        more = page * size < len(items)
        links = {"pages": {"next": f"{self.address}/?page={page + 1}"}} if more else {}
        return {key: shown, "links": links, "meta": {"total": len(items)}}

    def one(self, items, key, value):
        for item in items:
            if str(item[key]) == value:
                return item
        raise Refusal(404, "The resource you were accessing could not be found.")

    def receivers(self, receivers):
        for email in receivers["email"]:
            if email not in self.verified:
                raise Refusal(422, f"email {email} is not verified")

    # Alert policies

    def get_monitoring_alerts(self, query, body):
        return self.page("policies", self.policies, query)

    def post_monitoring_alerts(self, query, body):
        self.receivers(body["alerts"])
        self.policies.append({"uuid": str(uuid.uuid4()), **body})
        return {"policy": self.policies[-1]}

    def put_monitoring_alerts_one(self, which, query, body):
        policy = self.one(self.policies, "uuid", which)
        self.receivers(body["alerts"])
        policy.update(body)
        return {"policy": policy}

    def delete_monitoring_alerts_one(self, which, query, body):
        self.policies.remove(self.one(self.policies, "uuid", which))

    # Uptime checks

    def get_uptime_checks(self, query, body):
        return self.page("checks", self.checks, query)

    def post_uptime_checks(self, query, body):
        self.checks.append({"id": str(uuid.uuid4()), **body})
        self.alerts[self.checks[-1]["id"]] = []
        return {"check": self.checks[-1]}

    def put_uptime_checks_one(self, which, query, body):
        check = self.one(self.checks, "id", which)
        check.update(body)
        return {"check": check}

    def delete_uptime_checks_one(self, which, query, body):
        self.checks.remove(self.one(self.checks, "id", which))
        del self.alerts[which]

    def get_uptime_checks_one_alerts(self, which, query, body):
        self.one(self.checks, "id", which)
        # An empty list comes as null.
        return self.page("alerts", self.alerts[which], query) | (
            {} if self.alerts[which] else {"alerts": None}
        )

    def post_uptime_checks_one_alerts(self, which, query, body):
        self.one(self.checks, "id", which)
        self.receivers(body["notifications"])
        # It fills in what is not given.
        self.alerts[which].append(
            {"id": str(uuid.uuid4()), "threshold": 1, "comparison": "less_than", **body}
        )
        return {"alert": self.alerts[which][-1]}

    def put_uptime_checks_one_alerts_one(self, which, alert, query, body):
        self.one(self.checks, "id", which)
        self.receivers(body["notifications"])
        found = self.one(self.alerts[which], "id", alert)
        found.update(body)
        return {"alert": found}

    def delete_uptime_checks_one_alerts_one(self, which, alert, query, body):
        self.alerts[which].remove(self.one(self.alerts[which], "id", alert))

    # Droplets and what belongs to them

    def get_account_keys(self, query, body):
        return self.page("ssh_keys", self.keys, query)

    def post_account_keys(self, query, body):
        if body["public_key"] in [key["public_key"] for key in self.keys]:
            raise Refusal(422, "SSH Key is already in use on your account")
        self.keys.append({"id": next(self.numbers), "fingerprint": uuid.uuid4().hex, **body})
        return {"ssh_key": self.keys[-1]}

    def get_droplets(self, query, body):
        items = [
            each
            for each in self.droplets
            if query.get("name") in (None, each["name"])
            and (query.get("tag_name") is None or query["tag_name"] in each["tags"])
        ]
        return self.page("droplets", items, query)

    def post_droplets(self, query, body):
        number = next(self.numbers)
        if body["size"] == "no-such-size":
            raise Refusal(422, "size is unavailable in this region")
        for key in body.get("ssh_keys") or []:
            self.one(self.keys, "id", str(key))
        self.droplets.append(
            {
                "id": number,
                "name": body["name"],
                "status": "new",
                "tags": body.get("tags") or [],
                "region": {"slug": body.get("region", "nyc1")},
                "size_slug": body["size"],
                "image": {"slug": body["image"]},
                "networks": {"v4": [], "v6": []},
                "asked": 0,
            }
        )
        return {"droplet": self.droplets[-1], "links": {}}

    def get_droplets_one(self, which, query, body):
        droplet = self.one(self.droplets, "id", which)
        droplet["asked"] += 1
        if droplet["asked"] >= self.boots and droplet["status"] == "new":
            droplet["status"] = "active"
            droplet["networks"] = {
                "v4": [
                    {"ip_address": "10.10.0.5", "type": "private"},
                    {"ip_address": "127.0.0.1", "type": "public"},
                ],
                "v6": [{"ip_address": "2001:db8::5", "type": "public"}],
            }
        return {"droplet": droplet}

    def delete_droplets_one(self, which, query, body):
        droplet = self.one(self.droplets, "id", which)
        self.droplets.remove(droplet)
        for address in self.reserved:
            if (address["droplet"] or {}).get("id") == droplet["id"]:
                address["droplet"] = None
        for firewall in self.firewalls:
            firewall["droplet_ids"] = [
                each for each in firewall["droplet_ids"] if each != droplet["id"]
            ]

    def get_firewalls(self, query, body):
        return self.page("firewalls", self.firewalls, query)

    def firewall(self, body, own=None):
        if any(each["name"] == body["name"] and each is not own for each in self.firewalls):
            raise Refusal(409, "duplicate name")
        for rule in body.get("inbound_rules") or []:
            if rule["protocol"] != "icmp" and rule["ports"] == "":
                raise Refusal(422, "ports: missing")
        return {"droplet_ids": [], "tags": [], **body}

    def post_firewalls(self, query, body):
        self.firewalls.append({"id": str(uuid.uuid4()), "status": "waiting", **self.firewall(body)})
        return {"firewall": self.firewalls[-1]}

    def put_firewalls_one(self, which, query, body):
        found = self.one(self.firewalls, "id", which)
        found.update(self.firewall(body, found))
        return {"firewall": found}

    def delete_firewalls_one(self, which, query, body):
        self.firewalls.remove(self.one(self.firewalls, "id", which))

    def get_reserved_ips(self, query, body):
        return self.page("reserved_ips", self.reserved, query)

    def post_reserved_ips(self, query, body):
        droplet = None
        if "droplet_id" in body:
            droplet = self.one(self.droplets, "id", str(body["droplet_id"]))
            if droplet["status"] != "active":
                raise Refusal(422, "Droplet already has a pending event.")
        self.reserved.append({"ip": "127.0.0.2", "droplet": droplet, "region": {}})
        return {"reserved_ip": self.reserved[-1], "links": {}}

    def delete_reserved_ips_one(self, which, query, body):
        self.reserved.remove(self.one(self.reserved, "ip", which))

    def post_reserved_ips_one_actions(self, which, query, body):
        address = self.one(self.reserved, "ip", which)
        address["droplet"] = self.one(self.droplets, "id", str(body["droplet_id"]))
        return {"action": {"id": next(self.numbers), "status": "in-progress"}}

    def domain(self, which):
        if which not in self.records:
            raise Refusal(404, "The resource you were accessing could not be found.")
        return self.records[which]

    def get_domains_one_records(self, which, query, body):
        items = [
            each
            for each in self.domain(which)
            if query.get("type") in (None, each["type"])
            # It wants the whole name here, and gives a part of it back.
            and query.get("name")
            in (None, which if each["name"] == "@" else f"{each['name']}.{which}")
        ]
        return self.page("domain_records", items, query)

    def post_domains_one_records(self, which, query, body):
        self.domain(which).append({"id": next(self.numbers), "ttl": 1800, **body})
        return {"domain_record": self.records[which][-1]}

    def put_domains_one_records_one(self, which, record, query, body):
        found = self.one(self.domain(which), "id", record)
        found.update(body)
        return {"domain_record": found}

    def delete_domains_one_records_one(self, which, record, query, body):
        self.domain(which).remove(self.one(self.domain(which), "id", record))
