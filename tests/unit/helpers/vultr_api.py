# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Vultr's API as far as vultr.cloud calls it for the role provision."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from cloud_api import CloudApi, Refusal

ROOT = "lab-only-v5{Fkvk"  # for ten minutes after the instance was made
OS = {"id": 2284, "name": "Ubuntu 24.04 LTS x64", "arch": "x64", "family": "ubuntu"}


class Vultr(CloudApi):
    provider = "vultr"

    def __init__(self, *args: Any, **options: Any) -> None:
        self.numbers = itertools.count(1)
        self.keys: list[dict[str, Any]] = []
        self.firewalls: list[dict[str, Any]] = []
        self.rules: dict[str, list[dict[str, Any]]] = {}
        self.addresses: list[dict[str, Any]] = []
        self.instances: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        super().__init__(*args, **options)

    def error(self, status, message):
        return {"error": message, "status": status}

    def page(self, key, items):
        return {key: items, "meta": {"total": len(items), "links": {"next": "", "prev": ""}}}

    def one(self, items, value):
        for item in items:
            if str(item["id"]) == value:
                return item
        raise Refusal(404, "not found")

    def get_os(self, query, body):
        return self.page("os", [OS])

    def get_keys(self, query, body):
        return self.page("ssh_keys", self.keys)

    def post_keys(self, query, body):
        self.keys.append({"id": str(uuid.uuid4()), "date_created": "", **body})
        return {"ssh_key": self.keys[-1]}

    def get_firewalls(self, query, body):
        return self.page("firewall_groups", self.firewalls)

    def post_firewalls(self, query, body):
        self.firewalls.append({"id": str(uuid.uuid4()), **body})
        self.rules[self.firewalls[-1]["id"]] = []
        return {"firewall_group": self.firewalls[-1]}

    def delete_firewalls_one(self, which, query, body):
        self.firewalls.remove(self.one(self.firewalls, which))

    def get_firewalls_one_rules(self, which, query, body):
        self.one(self.firewalls, which)
        return self.page("firewall_rules", self.rules[which])

    def post_firewalls_one_rules(self, which, query, body):
        self.one(self.firewalls, which)
        texts = {key: body.get(key) or "" for key in ("port", "source", "notes")}
        rule = {"id": next(self.numbers), "action": "accept", **body, **texts}
        self.rules[which].append(rule)
        return {"firewall_rule": rule}

    def delete_firewalls_one_rules_one(self, which, rule, query, body):
        self.rules[which].remove(self.one(self.rules[which], rule))

    def get_ips(self, query, body):
        return self.page("reserved_ips", self.addresses)

    def post_ips(self, query, body):
        made = {
            "id": str(uuid.uuid4()),
            "subnet": "127.0.0.4",
            "subnet_size": 32,
            "instance_id": "",
        }
        self.addresses.append({**made, **body})
        return {"reserved_ip": self.addresses[-1]}

    def delete_ips_one(self, which, query, body):
        self.addresses.remove(self.one(self.addresses, which))

    def get_instances(self, query, body):
        wanted = {key: query[key] for key in ("label", "region") if key in query}
        items = [each for each in self.instances if wanted.items() <= each.items()]
        return self.page("instances", items)

    def post_instances(self, query, body):
        for key in body.get("sshkey_id") or []:
            self.one(self.keys, key)
        if body.get("firewall_group_id"):
            self.one(self.firewalls, body["firewall_group_id"])
        number, address = str(uuid.uuid4()), "127.0.0.1"
        if body.get("reserved_ipv4"):
            reserved = self.one(self.addresses, body["reserved_ipv4"])
            reserved["instance_id"], address = number, reserved["subnet"]
        features = ["ipv6"] if body.get("enable_ipv6") else []
        features += ["auto_backups"] if body.get("backups") == "enabled" else []
        self.instances.append(
            {
                "id": number,
                "label": body["label"],
                "hostname": body["hostname"],
                "region": body["region"],
                "plan": body["plan"],
                "os_id": body["os_id"],
                "main_ip": address,
                "v6_main_ip": "2001:db8::4" if body.get("enable_ipv6") else "",
                "firewall_group_id": body.get("firewall_group_id") or "",
                "tags": body.get("tags") or [],
                "features": features,
                "status": "active",
                "power_status": "running",
                "server_status": "ok",
                "default_password": ROOT,
            }
        )
        return {"instance": self.instances[-1]}

    def get_instances_one(self, which, query, body):
        return {"instance": self.one(self.instances, which)}

    def delete_instances_one(self, which, query, body):
        self.instances.remove(self.one(self.instances, which))
        for address in self.addresses:
            if address["instance_id"] == which:
                address["instance_id"] = ""

    def get_instances_one_vpcs(self, which, query, body):
        self.one(self.instances, which)
        return self.page("vpcs", [])

    def get_instances_one_data(self, which, query, body):
        self.one(self.instances, which)
        return {"user_data": {"data": ""}}

    def zone(self, zone):
        if zone != "example.com":
            raise Refusal(404, "Invalid domain.")

    def get_domains_one_records(self, zone, query, body):
        self.zone(zone)
        return self.page("records", self.records)

    def post_domains_one_records(self, zone, query, body):
        self.zone(zone)
        self.records.append(
            {"id": str(uuid.uuid4()), **body, "priority": body.get("priority") or 0}
        )
        return {"record": self.records[-1]}

    def get_domains_one_records_one(self, zone, which, query, body):
        return {"record": self.one(self.records, which)}

    def patch_domains_one_records_one(self, zone, which, query, body):
        self.one(self.records, which).update(body)

    def delete_domains_one_records_one(self, zone, which, query, body):
        self.records.remove(self.one(self.records, which))
