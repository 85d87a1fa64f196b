# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hetzner's Cloud API as far as hetzner.hcloud calls it for the role provision."""

from __future__ import annotations

import itertools
from typing import Any

from cloud_api import CloudApi, Refusal

CODES = {401: "unauthorized", 404: "not_found", 409: "uniqueness_error", 422: "invalid_input"}
BORN = "2026-01-01T00:00:00+00:00"
LOCATION = {
    "id": 1,
    "name": "fsn1",
    "description": "Falkenstein",
    "country": "DE",
    "city": "Falkenstein",
    "latitude": 50.4,
    "longitude": 12.3,
    "network_zone": "eu-central",
}
TYPES = [
    {
        "id": number,
        "name": name,
        "description": name,
        "cores": 2,
        "memory": 4.0,
        "disk": 40,
        "prices": [],
        "storage_type": "local",
        "cpu_type": "shared",
        "architecture": "x86",
        "deprecated": False,
        "deprecation": None,
        "locations": [
            {"id": 1, "name": "fsn1", "deprecation": None, "available": True, "recommended": True}
        ],
    }
    for number, name in ((1, "cx23"), (2, "cx53"))
]
IMAGE = {
    "id": 7,
    "type": "system",
    "status": "available",
    "name": "ubuntu-24.04",
    "description": "Ubuntu",
    "image_size": None,
    "disk_size": 5,
    "created": BORN,
    "created_from": None,
    "bound_to": None,
    "os_flavor": "ubuntu",
    "os_version": "24.04",
    "rapid_deploy": True,
    "protection": {"delete": False},
    "deprecated": None,
    "labels": {},
    "deleted": None,
    "architecture": "x86",
}
FREE = {"delete": False, "rebuild": False, "change": False}


class Hetzner(CloudApi):
    provider = "hetzner"

    def __init__(self, *args: Any, **options: Any) -> None:
        self.numbers = itertools.count(100)
        self.keys: list[dict[str, Any]] = []
        self.firewalls: list[dict[str, Any]] = []
        self.addresses: list[dict[str, Any]] = []
        self.servers: list[dict[str, Any]] = []
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.zones = {"example.com"}
        super().__init__(*args, **options)

    def error(self, status, message):
        return {
            "error": {
                "code": CODES.get(status, "server_error"),
                "message": message,
                "details": None,
            }
        }

    def page(self, key, items, query):
        items = [item for item in items if query.get("name") in (None, item["name"])]
        pagination = {
            "page": 1,
            "per_page": 25,
            "previous_page": None,
            "next_page": None,
            "last_page": 1,
            "total_entries": len(items),
        }
        return {key: items, "meta": {"pagination": pagination}}

    def one(self, items, value):
        for item in items:
            if str(item["id"]) == str(value):
                return item
        raise Refusal(404, "resource not found")

    def unique(self, items, name):
        if any(item["name"] == name for item in items):
            raise Refusal(409, "name is already used")

    def action(self, command):
        return {
            "id": next(self.numbers),
            "command": command,
            "status": "success",
            "progress": 100,
            "started": BORN,
            "finished": BORN,
            "resources": [],
            "error": None,
        }

    def get_actions_one(self, which, query, body):
        return {"action": {**self.action("any"), "id": int(which)}}

    def get_locations(self, query, body):
        return self.page("locations", [LOCATION], query)

    def get_server_types(self, query, body):
        return self.page("server_types", TYPES, query)

    def get_images(self, query, body):
        return self.page("images", [IMAGE], query)

    def get_ssh_keys(self, query, body):
        return self.page("ssh_keys", self.keys, query)

    def get_ssh_keys_one(self, which, query, body):
        return {"ssh_key": self.one(self.keys, which)}

    def post_ssh_keys(self, query, body):
        self.unique(self.keys, body["name"])
        if body["public_key"] in [key["public_key"] for key in self.keys]:
            raise Refusal(409, "SSH key with the same fingerprint already exists")
        made = {"id": next(self.numbers), "fingerprint": "b7:2f", "created": BORN, "labels": {}}
        self.keys.append({**made, **body})
        return {"ssh_key": self.keys[-1]}

    def get_firewalls(self, query, body):
        return self.page("firewalls", self.firewalls, query)

    def get_firewalls_one(self, which, query, body):
        return {"firewall": self.one(self.firewalls, which)}

    def rules(self, rules):
        empty = {"port": None, "source_ips": [], "destination_ips": [], "description": None}
        return [{**empty, **rule} for rule in rules]

    def post_firewalls(self, query, body):
        self.unique(self.firewalls, body["name"])
        made = {"id": next(self.numbers), "created": BORN, "labels": {}, "applied_to": []}
        rules = self.rules(body.get("rules", []))
        self.firewalls.append({**made, "name": body["name"], "rules": rules})
        return {"firewall": self.firewalls[-1], "actions": []}

    def post_firewalls_one_actions_set_rules(self, which, query, body):
        self.one(self.firewalls, which)["rules"] = self.rules(body["rules"])
        return {"actions": [self.action("set_firewall_rules")]}

    def post_firewalls_one_actions_apply_to_resources(self, which, query, body):
        self.one(self.firewalls, which)["applied_to"] += body["apply_to"]
        for resource in body["apply_to"]:
            net = self.one(self.servers, resource["server"]["id"])["public_net"]
            net["firewalls"].append({"id": int(which), "status": "applied"})
        return {"actions": [self.action("apply_firewall")]}

    def post_firewalls_one_actions_remove_from_resources(self, which, query, body):
        self.one(self.firewalls, which)["applied_to"] = []
        return {"actions": [self.action("remove_firewall")]}

    def delete_firewalls_one(self, which, query, body):
        firewall = self.one(self.firewalls, which)
        if firewall["applied_to"]:
            raise Refusal(422, "firewall is still in use")
        self.firewalls.remove(firewall)

    def get_primary_ips(self, query, body):
        return self.page("primary_ips", self.addresses, query)

    def get_primary_ips_one(self, which, query, body):
        return {"primary_ip": self.one(self.addresses, which)}

    def post_primary_ips(self, query, body):
        self.unique(self.addresses, body["name"])
        self.addresses.append(
            {
                "id": next(self.numbers),
                "name": body["name"],
                "ip": "127.0.0.3",
                "type": body["type"],
                "auto_delete": body.get("auto_delete", False),
                "assignee_id": None,
                "assignee_type": "server",
                "blocked": False,
                "created": BORN,
                "dns_ptr": [],
                "labels": body.get("labels") or {},
                "protection": {"delete": False},
                "location": LOCATION,
                "datacenter": None,
            }
        )
        return {"primary_ip": self.addresses[-1], "action": None}

    def delete_primary_ips_one(self, which, query, body):
        address = self.one(self.addresses, which)
        if address["assignee_id"]:
            raise Refusal(422, "primary IP is assigned")
        self.addresses.remove(address)

    def get_servers(self, query, body):
        return self.page("servers", self.servers, query)

    def get_servers_one(self, which, query, body):
        return {"server": self.one(self.servers, which)}

    def post_servers(self, query, body):
        self.unique(self.servers, body["name"])
        for key in body.get("ssh_keys", []):
            self.one(self.keys, key)
        number, net = next(self.numbers), body.get("public_net") or {}
        address = "127.0.0.1"
        if net.get("ipv4"):
            reserved = self.one(self.addresses, net["ipv4"])
            reserved["assignee_id"], address = number, reserved["ip"]
        firewalls = [each["firewall"] for each in body.get("firewalls", [])]
        for which in firewalls:
            self.one(self.firewalls, which)["applied_to"].append(
                {"type": "server", "server": {"id": number}}
            )
        v4 = {"id": net.get("ipv4") or 1, "ip": address, "blocked": False, "dns_ptr": "x"}
        v6 = {"id": 2, "ip": "2001:db8:c140::/64", "blocked": False, "dns_ptr": []}
        kind = next(each for each in TYPES if body["server_type"] in (each["id"], each["name"]))
        self.servers.append(
            {
                "id": number,
                "name": body["name"],
                "status": "running",
                "created": BORN,
                "public_net": {
                    "ipv4": v4,
                    "ipv6": v6 if net.get("enable_ipv6", True) else None,
                    "floating_ips": [],
                    "firewalls": [{"id": each, "status": "applied"} for each in firewalls],
                },
                "private_net": [],
                "server_type": kind,
                "datacenter": None,
                "location": LOCATION,
                "image": IMAGE,
                "iso": None,
                "rescue_enabled": False,
                "locked": False,
                "backup_window": None,
                "labels": body.get("labels") or {},
                "protection": FREE,
                "volumes": [],
                "placement_group": None,
                "primary_disk_size": 40,
            }
        )
        return {
            "server": self.servers[-1],
            "action": self.action("create_server"),
            "next_actions": [],
            "root_password": None,
        }

    def delete_servers_one(self, which, query, body):
        server = self.one(self.servers, which)
        self.servers.remove(server)
        for firewall in self.firewalls:
            firewall["applied_to"] = [
                each for each in firewall["applied_to"] if each["server"]["id"] != server["id"]
            ]
        for address in self.addresses:
            if address["assignee_id"] == server["id"]:
                address["assignee_id"] = None
        return {"action": self.action("delete_server")}

    def rrset(self, zone, name, kind):
        if zone not in self.zones:
            raise Refusal(404, "zone not found")
        if (name, kind) not in self.records:
            raise Refusal(404, "rrset not found")
        return self.records[name, kind]

    def get_zones_one_rrsets(self, zone, query, body):
        items = [
            each for each in self.records.values() if query.get("type") in (None, each["type"])
        ]
        return self.page("rrsets", items, query)

    def get_zones_one_rrsets_one_one(self, zone, name, kind, query, body):
        return {"rrset": self.rrset(zone, name, kind)}

    def post_zones_one_rrsets(self, zone, query, body):
        if zone not in self.zones:
            raise Refusal(404, "zone not found")
        made = {
            "zone": 42,
            "id": f"{body['name']}/{body['type']}",
            "labels": {},
            "protection": FREE,
        }
        records = [{"comment": "", **record} for record in body["records"]]
        made = {"ttl": None, **made, **body, "records": records}
        self.records[body["name"], body["type"]] = made
        return {"rrset": made, "action": self.action("create_rrset")}

    def delete_zones_one_rrsets_one_one(self, zone, name, kind, query, body):
        self.rrset("example.com", name, kind)
        del self.records[name, kind]
        return {"action": self.action("delete_rrset")}

    def post_zones_one_rrsets_one_one_actions_set_records(self, zone, name, kind, query, body):
        records = [{"comment": "", **record} for record in body["records"]]
        self.rrset("example.com", name, kind)["records"] = records
        return {"action": self.action("set_rrset_records")}

    def post_zones_one_rrsets_one_one_actions_change_ttl(self, zone, name, kind, query, body):
        self.rrset("example.com", name, kind)["ttl"] = body["ttl"]
        return {"action": self.action("change_rrset_ttl")}
