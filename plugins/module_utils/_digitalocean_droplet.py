# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Droplet with its SSH keys, firewall, reserved address and DNS records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._digitalocean import (
    Api,
    DigitalOceanError,
)

EVERYWHERE = ["0.0.0.0/0", "::/0"]
POLL_SECONDS = 5
FAMILIES = {"A": "v4", "AAAA": "v6"}


class Droplet:
    def __init__(
        self,
        api: Api,
        options: Mapping[str, Any],
        dry: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.api, self.options, self.dry = api, options, dry
        self.sleep, self.clock = sleep, clock
        self.name = options["name"]
        self.what = f"Droplet {self.name!r}"
        self.done: list[str] = []
        self.warnings: list[str] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def present(self) -> dict[str, Any]:
        droplet = self._find()
        keys = self._keys()
        if droplet:
            self._warn_of_differences(droplet)
        else:
            droplet = self._create(keys)
        number = droplet.get("id")
        self._firewall(number)
        addresses = _addresses(droplet)
        if self.options["reserved_address"]:
            addresses["v4"] = self._reserve(number)
        for kind, family in FAMILIES.items():
            if self.options["dns"] and (addresses[family] or (self.dry and family == "v4")):
                self._record(kind, addresses[family])
        return self._result(number, addresses)

    def absent(self) -> dict[str, Any]:
        """What was made for it goes with it; keys stay, since other Droplets may have them."""
        droplet = self._find()
        number = (droplet or {}).get("id")
        addresses = _addresses(droplet or {})
        reserved = self._reserved(number) if number else ""
        if self.options["dns"]:
            self._forget_records({*addresses.values(), reserved} - {""})
        if droplet:
            self._change(
                "remove",
                self.what,
                {"id": number},
                {},
                lambda: self._delete("droplets.destroy", number),
            )
        if reserved:
            self._change(
                "remove",
                f"reserved address {reserved}",
                {"droplet": self.name},
                {},
                lambda: self._delete("reserved_ips.delete", reserved),
            )
        firewall = self._find_firewall()
        if firewall:
            self._change(
                "remove",
                f"firewall {firewall['name']!r}",
                {"id": firewall["id"]},
                {},
                lambda: self._delete("firewalls.delete", firewall["id"]),
            )
        return self._result(None, {"v4": "", "v6": ""})

    def _result(self, number: Any, addresses: Mapping[str, str]) -> dict[str, Any]:
        return {
            "changed": bool(self.done),
            "done": self.done,
            "id": str(number or ""),
            "address": addresses["v4"],
            "address6": addresses["v6"],
            "warnings": self.warnings,
            "diff": {"before": self.before, "after": self.after},
        }

    def _change(
        self, action: str, what: str, before: Any, after: Any, work: Callable[[], Any]
    ) -> Any:
        """Do it, unless this is a check run; remember it in either case."""
        try:
            made = None if self.dry else work()
        except DigitalOceanError as error:
            done = f"; done before: {', '.join(self.done)}" if self.done else ""
            raise DigitalOceanError(f"{error}{done}") from error
        self.done.append(f"{action} {what}")
        self.before[what], self.after[what] = before, after
        return made

    def _delete(self, operation: str, *ids: Any) -> None:
        self.api.read(self.what, operation, *ids)

    def _find(self) -> dict[str, Any] | None:
        there = self.api.pages(self.what, "droplets.list", "droplets", name=self.name)
        same = [droplet for droplet in there if droplet["name"] == self.name]
        if len(same) > 1:
            numbers = ", ".join(str(droplet["id"]) for droplet in same)
            raise DigitalOceanError(
                f"{self.what}: DigitalOcean has {len(same)} of that name ({numbers}); rename or remove all but one"
            )
        return same[0] if same else None

    def _warn_of_differences(self, droplet: Mapping[str, Any]) -> None:
        there = {
            "size": droplet.get("size_slug"),
            "region": (droplet.get("region") or {}).get("slug"),
        }
        for key, value in there.items():
            if value and value != self.options[key]:
                self.warnings.append(
                    f"{self.what} has the {key} {value} and not {self.options[key]}; it stays so, change it at DigitalOcean"
                )

    def _keys(self) -> list[int]:
        there = self.api.pages("SSH keys", "ssh_keys.list", "ssh_keys")
        return [self._key(wish, there) for wish in self.options["ssh_keys"]]

    def _key(self, wish: Mapping[str, str], there: list[dict[str, Any]]) -> int:
        wanted = _key_itself(wish["public_key"])
        for key in there:
            if _key_itself(key["public_key"]) == wanted:
                return key["id"]
        what = f"SSH key {wish['name']!r}"
        body = {"name": wish["name"], "public_key": wish["public_key"].strip()}

        def upload() -> dict[str, Any]:
            try:
                return self.api.create(what, "ssh_keys.create", body, want="ssh_key")["ssh_key"]
            except DigitalOceanError:
                # Another host of the same run may have been first.
                again = self.api.pages("SSH keys", "ssh_keys.list", "ssh_keys")
                same = [key for key in again if _key_itself(key["public_key"]) == wanted]
                if not same:
                    raise
                return same[0]

        made = self._change("create", what, {}, {"name": wish["name"]}, upload)
        return made["id"] if made else 0

    def _create(self, keys: list[int]) -> dict[str, Any]:
        options = self.options
        body = {
            "name": self.name,
            "region": options["region"],
            "size": options["size"],
            "image": options["image"],
            "ssh_keys": keys,
            "backups": options["backups"],
            "ipv6": options["ipv6"],
            "monitoring": True,
            "tags": list(options["tags"]),
        }
        shown = {key: value for key, value in body.items() if key != "ssh_keys"}
        if options["user_data"]:
            body["user_data"] = options["user_data"]

        def create() -> dict[str, Any]:
            made = self.api.create(self.what, "droplets.create", body, want="droplet")["droplet"]
            return self._wait(made["id"])

        return self._change("create", self.what, {}, shown, create) or {}

    def _wait(self, number: int) -> dict[str, Any]:
        end = self.clock() + self.options["timeout"]
        while True:
            droplet = self.api.read(self.what, "droplets.get", number, want="droplet")["droplet"]
            if droplet["status"] == "active" and _addresses(droplet)["v4"]:
                return droplet
            if self.clock() >= end:
                raise DigitalOceanError(
                    f"{self.what}: is {droplet['status']} after {self.options['timeout']} s; look at it, then run this again"
                )
            self.sleep(POLL_SECONDS)

    def _find_firewall(self) -> dict[str, Any] | None:
        there = self.api.pages("firewalls", "firewalls.list", "firewalls")
        return next((each for each in there if each["name"] == f"farol-{self.name}"), None)

    def _firewall(self, number: int | None) -> None:
        there = self._find_firewall()
        rules = [_inbound(rule) for rule in self.options["firewall_rules"]]
        body = {
            "name": f"farol-{self.name}",
            "droplet_ids": [number] if number else [],
            "inbound_rules": rules,
            # Without these nothing could leave the Droplet.
            "outbound_rules": [
                {"protocol": protocol, "ports": "0", "destinations": {"addresses": EVERYWHERE}}
                for protocol in ("tcp", "udp", "icmp")
            ],
        }
        what = f"firewall {body['name']!r}"
        before, after = _shown(there or {}), _shown(body)
        if not there:
            self._change(
                "create", what, {}, after, lambda: self.api.create(what, "firewalls.create", body)
            )
        elif before != after:
            self._change(
                "update",
                what,
                before,
                after,
                lambda: self.api.read(what, "firewalls.update", there["id"], body),
            )

    def _reserved(self, number: int) -> str:
        there = self.api.pages("reserved addresses", "reserved_ips.list", "reserved_ips")
        return next(
            (each["ip"] for each in there if (each["droplet"] or {}).get("id") == number), ""
        )

    def _reserve(self, number: int | None) -> str:
        address = self._reserved(number) if number else ""
        if address:
            return address
        what = f"reserved address of {self.name}"
        made = self._change(
            "create",
            what,
            {},
            {"droplet": self.name},
            lambda: self.api.create(
                what, "reserved_ips.create", {"droplet_id": number}, want="reserved_ip"
            ),
        )
        return made["reserved_ip"]["ip"] if made else ""

    def _records(self, kind: str) -> list[dict[str, Any]]:
        dns = self.options["dns"]
        full = dns["zone"] if dns["name"] == "@" else f"{dns['name']}.{dns['zone']}"
        return self.api.pages(
            f"DNS of {dns['zone']}",
            "domains.list_records",
            "domain_records",
            dns["zone"],
            name=full,
            type=kind,
        )

    def _record(self, kind: str, address: str) -> None:
        dns = self.options["dns"]
        what = f"DNS record {kind} {dns['name']} of {dns['zone']}"
        body = {"type": kind, "name": dns["name"], "data": address, "ttl": dns["ttl"]}
        there = self._records(kind)
        if len(there) > 1:
            found = ", ".join(record["data"] for record in there)
            raise DigitalOceanError(f"{what}: has several addresses ({found}); remove all but one")
        after = {"data": address, "ttl": dns["ttl"]}
        if not there:
            self._change(
                "create",
                what,
                {},
                after,
                lambda: self.api.create(what, "domains.create_record", dns["zone"], body),
            )
            return
        before = {key: there[0].get(key) for key in after}
        if before != after:
            self._change(
                "update",
                what,
                before,
                after,
                lambda: self.api.read(
                    what, "domains.update_record", dns["zone"], there[0]["id"], body
                ),
            )

    def _forget_records(self, addresses: set[str]) -> None:
        dns = self.options["dns"]
        for kind in FAMILIES:
            for record in self._records(kind):
                what = f"DNS record {kind} {dns['name']} of {dns['zone']}"
                if record["data"] not in addresses:
                    self.warnings.append(
                        f"{what} leads to {record['data']}, which is not {self.name}'s; it stays"
                    )
                    continue
                self._change(
                    "remove",
                    what,
                    {"data": record["data"]},
                    {},
                    lambda number=record["id"]: self._delete(
                        "domains.delete_record", dns["zone"], number
                    ),
                )


def _inbound(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "protocol": rule["proto"],
        "ports": str(rule["port"] or "0").replace(":", "-"),
        "sources": {"addresses": list(rule["from"]) or EVERYWHERE},
    }


def _shown(firewall: Mapping[str, Any]) -> dict[str, Any]:
    """To compare and to show: the rules in one order."""
    ends = {"inbound_rules": "sources", "outbound_rules": "destinations"}
    return {
        "droplets": sorted(firewall.get("droplet_ids") or []),
        **{
            key: sorted(
                f"{rule['protocol']} {rule['ports']} {' '.join(sorted((rule.get(end) or {}).get('addresses') or []))}"
                for rule in firewall.get(key) or []
            )
            for key, end in ends.items()
        },
    }


def _addresses(droplet: Mapping[str, Any]) -> dict[str, str]:
    """The public address of each family, empty where there is none."""
    networks = droplet.get("networks") or {}
    return {
        family: next(
            (
                each["ip_address"]
                for each in networks.get(family) or []
                if each.get("type") == "public"
            ),
            "",
        )
        for family in FAMILIES.values()
    }


def _key_itself(public_key: str) -> list[str]:
    """Without the comment, which is nobody's identity."""
    return public_key.split()[:2]
