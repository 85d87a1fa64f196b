# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._provision import (
    faults,
    hetzner_rules,
    host_address,
    vultr_rules,
)

KEYS = [
    {
        "name": "me",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEx4bGUtb2YtYS1rZXktZm9yLXRlc3Rz me@here\n",
    }
]
SSH = {"port": "22"}


def test_good_values_have_no_faults():
    rules = [
        SSH,
        {"port": "8000:8010", "proto": "udp", "from": ["198.51.100.7", "2001:db8::/32"]},
        {"proto": "icmp"},
    ]
    assert faults(rules, "vps-1.example.com", KEYS, 22) == []
    assert faults([{"port": "20:30"}], "vps-1", KEYS, "22") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "VPS_1"}, "the name is none for a VPS"),
        ({"keys": []}, "provision_ssh_keys: is empty"),
        (
            {"keys": [{"name": "me", "public_key": "-----BEGIN OPENSSH PRIVATE KEY"}]},
            "me: is no public key",
        ),
        ({"rules": [SSH, {"port": "http"}]}, "[1]: port: 'http' is no port"),
        ({"rules": [SSH, {"port": "70000"}]}, "[1]: port: '70000' is out of range"),
        ({"rules": [SSH, {"port": "90:80"}]}, "[1]: port: '90:80' is out of range"),
        ({"rules": [SSH, {"proto": "udp"}]}, "[1]: port: '' is no port"),
        ({"rules": [SSH, {"proto": "icmp", "port": "1"}]}, "ICMP has no ports"),
        ({"rules": [{**SSH, "from": ["office"]}]}, "from: 'office' is no address"),
        ({"rules": [{"port": "80"}]}, "port 22 is closed"),
        ({"rules": [{"port": "22", "proto": "udp"}]}, "port 22 is closed"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_faults(change, words):
    given = {"rules": [SSH], "name": "vps-1", "keys": KEYS, "ssh_port": 22, **change}
    found = faults(**given)
    assert len(found) == 1 and words in found[0]


def test_hetzner_rules():
    rules = [
        SSH,
        {"port": "8000:8010", "proto": "udp", "from": ["198.51.100.7"]},
        {"proto": "icmp"},
    ]
    everywhere = ["0.0.0.0/0", "::/0"]
    assert hetzner_rules(rules) == [
        {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": everywhere},
        {
            "direction": "in",
            "protocol": "udp",
            "port": "8000-8010",
            "source_ips": ["198.51.100.7/32"],
        },
        {"direction": "in", "protocol": "icmp", "source_ips": everywhere},
    ]


def test_vultr_rules_are_one_for_each_network():
    assert vultr_rules([SSH]) == [
        {"ip_type": "v4", "protocol": "tcp", "port": "22", "subnet": "0.0.0.0", "subnet_size": 0},
        {"ip_type": "v6", "protocol": "tcp", "port": "22", "subnet": "::", "subnet_size": 0},
    ]


def test_vultr_rules_that_are_too_many():
    there = [
        {"id": 1, "action": "accept", "source": "", "notes": "", **rule}
        for rule in vultr_rules([SSH, {"port": "80"}])
    ]
    assert vultr_rules([SSH], surplus_of=there) == vultr_rules([{"port": "80"}])
    assert vultr_rules([SSH, {"port": "80"}], surplus_of=there) == []


def test_the_address_in_a_network():
    assert host_address("2001:db8:c140::/64") == "2001:db8:c140::1"
    assert host_address("2001:db8::5") == "2001:db8::5"
    assert host_address("") == ""
