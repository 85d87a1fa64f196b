# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module and pydo against a server that refuses what DigitalOcean's description of its API does not allow."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.farol.vps.plugins.module_utils import _digitalocean, _digitalocean_droplet
from ansible_collections.farol.vps.plugins.modules import digitalocean_droplet
from cloud_api import TOKEN, certificate
from digitalocean_api import DigitalOcean

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEx4bGUtb2YtYS1rZXktZm9yLXRlc3Rz"
WANTED = {
    "region": "fra1",
    "size": "s-1vcpu-1gb",
    "image": "ubuntu-24-04-x64",
    "ssh_keys": [{"name": "me", "public_key": f"{KEY} me@here"}],
    "firewall_rules": [
        {"port": "22"},
        {"port": "8000:8010", "from": ["198.51.100.0/24"]},
        {"proto": "icmp"},
    ],
    "dns": {"zone": "example.com", "name": "vps-1"},
    "tags": ["farol"],
}


@pytest.fixture
def api(tmp_path, monkeypatch):
    server = DigitalOcean(tls=tmp_path)
    monkeypatch.setattr(_digitalocean.Api.__init__, "__defaults__", (lambda seconds: None, 3))
    monkeypatch.setattr(_digitalocean_droplet, "POLL_SECONDS", 0)
    yield server
    server.close()


@pytest.fixture
def call(api, tmp_path, capsys):
    def run(check=False, **options):
        given = {
            "token": TOKEN,
            "endpoint": api.address,
            "ca_file": str(certificate(tmp_path)),
            "name": "vps-1",
            "_ansible_check_mode": check,
            **options,
        }
        said = []
        warn = patch.object(
            digitalocean_droplet.AnsibleModule, "warn", lambda _self, text: said.append(text)
        )
        with patch_module_args(given), warn, pytest.raises(SystemExit):
            digitalocean_droplet.main()
        printed = capsys.readouterr().out
        assert TOKEN not in printed
        return {**json.loads(printed), "said": said}

    return run


def test_creates_everything_and_then_changes_nothing(api, call):
    first = call(**WANTED)
    assert first["changed"], first
    assert api.violations == []
    assert (first["address"], first["address6"]) == ("127.0.0.1", "2001:db8::5")
    (droplet,), (firewall,) = api.droplets, api.firewalls
    assert first["id"] == str(droplet["id"])
    assert firewall["droplet_ids"] == [droplet["id"]]
    assert [
        (rule["protocol"], rule["ports"], rule["sources"]["addresses"])
        for rule in firewall["inbound_rules"]
    ] == [
        ("tcp", "22", ["0.0.0.0/0", "::/0"]),
        ("tcp", "8000-8010", ["198.51.100.0/24"]),
        ("icmp", "0", ["0.0.0.0/0", "::/0"]),
    ]
    assert [rule["protocol"] for rule in firewall["outbound_rules"]] == ["tcp", "udp", "icmp"]
    assert [
        (record["type"], record["name"], record["data"]) for record in api.records["example.com"]
    ] == [
        ("A", "vps-1", "127.0.0.1"),
        ("AAAA", "vps-1", "2001:db8::5"),
    ]
    before = api.changes()
    second = call(**WANTED)
    assert not second["changed"], second["done"]
    assert (second["address"], second["id"]) == (first["address"], first["id"])
    assert api.changes() == before


def test_check_mode_creates_nothing_and_foretells(api, call):
    foretold = call(check=True, reserved_address=True, **WANTED)
    assert api.changes() == []
    done = call(reserved_address=True, **WANTED)
    # That there will be an IPv6 address is not known before.
    assert [line for line in done["done"] if "AAAA" not in line] == foretold["done"]


def test_a_key_with_another_comment_is_the_same(api, call):
    api.keys.append({"id": 5, "name": "laptop", "public_key": f"{KEY} other"})
    call(**WANTED)
    assert [key["id"] for key in api.keys] == [5]


def test_a_key_that_another_host_uploaded_first(api, call, monkeypatch):
    real = DigitalOcean.get_account_keys
    asked = []

    def late(self, query, body):
        asked.append(1)
        if len(asked) == 1:
            answer = real(self, query, body)
            self.keys.append({"id": 5, "name": "laptop", "public_key": f"{KEY} me@here"})
            return {**answer, "ssh_keys": []}
        return real(self, query, body)

    monkeypatch.setattr(DigitalOcean, "get_account_keys", late)
    assert call(**WANTED)["changed"]
    assert len(api.keys) == 1 and len(api.droplets) == 1


def test_a_reserved_address_is_what_the_name_leads_to(api, call):
    result = call(reserved_address=True, **WANTED)
    assert result["address"] == "127.0.0.2"
    assert api.records["example.com"][0]["data"] == "127.0.0.2"
    assert not call(reserved_address=True, **WANTED)["changed"]
    assert len(api.reserved) == 1


def test_rules_and_records_that_differ_are_updated(api, call):
    call(**WANTED)
    api.records["example.com"][0]["data"] = "192.0.2.1"
    result = call(**{**WANTED, "firewall_rules": [{"port": "22"}]})
    assert result["done"] == [
        "update firewall 'farol-vps-1'",
        "update DNS record A vps-1 of example.com",
    ]
    assert api.records["example.com"][0]["data"] == "127.0.0.1"
    assert len(api.firewalls[0]["inbound_rules"]) == 1


def test_a_droplet_is_never_resized(api, call):
    call(**WANTED)
    result = call(**{**WANTED, "size": "s-8vcpu-16gb"})
    assert not result["changed"]
    assert "has the size s-1vcpu-1gb and not s-8vcpu-16gb; it stays so" in result["said"][0]


def test_removal_takes_what_was_made_and_no_more(api, call):
    call(reserved_address=True, **WANTED)
    call(name="vps-2", **{**WANTED, "dns": None})
    api.records["example.com"].append({"id": 1, "type": "A", "name": "www", "data": "127.0.0.2"})
    foretold = call(check=True, state="absent", dns=WANTED["dns"])
    result = call(state="absent", dns=WANTED["dns"])
    assert result["done"] == foretold["done"]
    assert [droplet["name"] for droplet in api.droplets] == ["vps-2"]
    assert [firewall["name"] for firewall in api.firewalls] == ["farol-vps-2"]
    assert [record["name"] for record in api.records["example.com"]] == ["www"]
    assert api.reserved == [] and len(api.keys) == 1
    assert not call(state="absent", dns=WANTED["dns"])["changed"]


def test_a_record_that_leads_elsewhere_by_now_stays(api, call):
    call(**WANTED)
    api.records["example.com"][0]["data"] = "192.0.2.1"
    result = call(state="absent", dns=WANTED["dns"])
    assert [record["data"] for record in api.records["example.com"]] == ["192.0.2.1"]
    assert "leads to 192.0.2.1, which is not vps-1's; it stays" in result["said"][0]


def test_a_run_that_ended_midway_is_completed(api, call):
    api.fail.append(("POST /v2/firewalls", 500, {}))
    result = call(**WANTED)
    assert "firewall 'farol-vps-1': DigitalOcean fails with 500" in result["msg"]
    assert "done before: create SSH key 'me', create Droplet 'vps-1'" in result["msg"]
    assert call(**WANTED)["changed"]
    assert (len(api.droplets), len(api.firewalls)) == (1, 1)


def test_what_digitalocean_refuses_is_said(api, call):
    result = call(**{**WANTED, "size": "no-such-size"})
    assert (
        "Droplet 'vps-1': DigitalOcean refuses it with 422: size is unavailable in this region"
        in result["msg"]
    )
    zone = {**WANTED, "dns": {"zone": "example.org", "name": "x"}}
    assert "DNS of example.org: DigitalOcean refuses it with 404" in call(**zone)["msg"]


def test_two_of_one_name_are_refused(api, call):
    call(**WANTED)
    api.droplets.append({**api.droplets[0], "id": 2})
    for state in ("present", "absent"):
        assert "DigitalOcean has 2 of that name" in call(state=state, **WANTED)["msg"]
    assert len(api.droplets) == 2


def test_several_addresses_of_the_name_are_refused(api, call):
    call(**WANTED)
    api.records["example.com"].append({"id": 3, "type": "A", "name": "vps-1", "data": "192.0.2.9"})
    assert (
        "has several addresses (127.0.0.1, 192.0.2.9); remove all but one" in call(**WANTED)["msg"]
    )


def test_a_droplet_that_never_starts(api, call):
    api.boots = 10**6
    assert "is new after 0 s; look at it, then run this again" in call(timeout=0, **WANTED)["msg"]


def test_a_missing_library_is_named(call, monkeypatch):
    monkeypatch.setattr(_digitalocean, "PYDO_ERROR", "ImportError: pydo")
    assert "pydo" in call(**WANTED)["msg"]
