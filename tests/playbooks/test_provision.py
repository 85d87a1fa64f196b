# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/provision.yml with the providers' own collections, against servers that know the providers' APIs."""

from __future__ import annotations

import socket
import threading

import pytest
import yaml
from cloud_api import TOKEN, certificate
from digitalocean_api import DigitalOcean
from hetzner_api import Hetzner
from project_commands import run
from vultr_api import ROOT, Vultr

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEx4bGUtb2YtYS1rZXktZm9yLXRlc3Rz me@here"
WORDS = {
    "hetzner": ("fsn1", "cx23", "ubuntu-24.04"),
    "digitalocean": ("fra1", "s-1vcpu-1gb", "ubuntu-24-04-x64"),
    "vultr": ("fra", "vc2-1c-1gb", "Ubuntu 24.04 LTS x64"),
}
MACHINES = {"hetzner": "servers", "digitalocean": "droplets", "vultr": "instances"}


@pytest.fixture
def ssh_port():
    """Says what an SSH server says first, at each of the providers' addresses."""
    with socket.create_server(("0.0.0.0", 0)) as server:

        def greet():
            while True:
                try:
                    connection, _peer = server.accept()
                except OSError:
                    return
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
                connection.close()

        threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]


class Site:
    """An inventory in a folder, and what stands for the provider."""

    def __init__(self, folder, provider, api, ssh_port):
        self.folder, self.provider, self.api = folder, provider, api
        region, size, image = WORDS[provider]
        self.variables = {
            "provision_provider": provider,
            "provision_token": TOKEN,
            "provision_region": region,
            "provision_size": size,
            "provision_image": image,
            "provision_endpoint": api.address
            + {"hetzner": "/v1", "vultr": "/v2"}.get(provider, ""),
            "provision_ca_file": str(certificate(folder)) if provider == "digitalocean" else "",
            "provision_ssh_keys": [{"name": "me", "public_key": KEY}],
            "provision_dns": {"zone": "example.com", "name": "vps-1"},
            "provision_reserved_address": True,
            "provision_wait": 5,
            "provision_ssh_port": ssh_port,
            "provision_firewall_rules": [
                {"port": str(ssh_port)},
                {"port": "8000:8010", "from": ["198.51.100.0/24"]},
                {"proto": "icmp"},
            ],
        }
        self.inventory = folder / "inventory"
        self.inventory.mkdir()

    @property
    def snippet(self):
        return self.inventory / "host_vars/vps-1/address.yml"

    def run(self, *arguments, **changes):
        hosts = {"vps-1": {**self.variables, **changes}, "by-hand": {"ansible_host": "192.0.2.1"}}
        path = self.inventory / "hosts.yml"
        path.write_text(yaml.safe_dump({"vps": {"hosts": hosts}}))
        tell = self.folder / "tell.yml"
        tell.write_text(
            "- hosts: vps-1\n  gather_facts: false\n  tasks:\n"
            "    - debug: {msg: \"address={{ ansible_host | default('none') }}\"}\n"
        )
        done = run(
            "ansible-playbook", "-i", self.inventory, "playbooks/provision.yml", tell, *arguments
        )
        done.text = done.stdout + done.stderr
        assert TOKEN not in done.text and ROOT not in done.text
        return done

    def names(self):
        """The machines, firewalls and DNS records that there are."""
        api = self.api
        records = {
            "hetzner": lambda: [
                (n, k, r["records"][0]["value"]) for (n, k), r in api.records.items()
            ],
            "digitalocean": lambda: [
                (r["name"], r["type"], r["data"]) for r in api.records["example.com"]
            ],
            "vultr": lambda: [(r["name"], r["type"], r["data"]) for r in api.records],
        }
        return (
            [each.get("name", each.get("label")) for each in getattr(api, MACHINES[self.provider])],
            [each.get("name", each.get("description")) for each in api.firewalls],
            sorted(records[self.provider]()),
        )


@pytest.fixture(params=WORDS)
def site(request, tmp_path, ssh_port):
    kind = {"hetzner": Hetzner, "digitalocean": DigitalOcean, "vultr": Vultr}[request.param]
    api = kind(tls=tmp_path if request.param == "digitalocean" else None)
    yield Site(tmp_path, request.param, api, ssh_port)
    api.close()


def changed(done):
    line = next(
        line
        for line in done.stdout.splitlines()
        if line.startswith("vps-1 ") and "changed=" in line
    )
    return int(line.split("changed=")[1].split()[0])


def size(site):
    (machine,) = getattr(site.api, MACHINES[site.provider])
    there = machine.get("plan") or machine.get("size_slug") or machine["server_type"]
    return there["name"] if isinstance(there, dict) else there


def open_ports(site):
    """What the provider's firewall lets in, without doubles."""
    (firewall,) = site.api.firewalls
    rules = (
        site.api.rules[firewall["id"]]
        if site.provider == "vultr"
        else firewall.get("rules") or firewall["inbound_rules"]
    )
    return sorted({f"{rule['protocol']} {rule.get('port', rule.get('ports'))}" for rule in rules})


def test_the_life_of_a_vps(site):
    """Foretold, made, found as wanted, changed, not removed without its name, removed."""
    foretold = site.run("--check", "--diff")
    assert foretold.returncode == 0, foretold.text
    assert site.api.changes() == [] and changed(foretold) > 0

    made = site.run("-v")
    assert made.returncode == 0, made.text
    assert site.api.violations == []
    machines, firewalls, records = site.names()
    assert (machines, firewalls) == (["vps-1"], ["farol-vps-1"])
    address = {"digitalocean": "127.0.0.2", "hetzner": "127.0.0.3", "vultr": "127.0.0.4"}[
        site.provider
    ]
    assert records[0] == ("vps-1", "A", address) and records[1][1] == "AAAA"
    assert f"address={address}" in made.text
    assert yaml.safe_load(site.snippet.read_text()) == {"ansible_host": address}
    assert len(open_ports(site)) == 3

    before = site.api.changes()
    again = site.run("-v")
    assert again.returncode == 0, again.text
    assert changed(again) == 0, again.text
    refused = site.run("-e", "remove=vps-1", "-e", "confirm=vps-2")
    assert refused.returncode != 0 and "Nothing was changed" in refused.text
    assert site.api.changes() == before

    first = size(site)
    rules = [site.variables["provision_firewall_rules"][0]]
    other = {"hetzner": "cx53", "digitalocean": "s-8vcpu-16gb", "vultr": "vc2-8c-32gb"}
    differs = site.run(provision_firewall_rules=rules, provision_size=other[site.provider])
    assert differs.returncode == 0, differs.text
    assert open_ports(site) == [f"tcp {site.variables['provision_ssh_port']}"]
    assert size(site) == first

    moved = {
        "hetzner": lambda api: api.records["vps-1", "A"]["records"][0].update(value="192.0.2.9"),
        "digitalocean": lambda api: api.records["example.com"][0].update(data="192.0.2.9"),
        "vultr": lambda api: api.records[0].update(data="192.0.2.9"),
    }
    moved[site.provider](site.api)
    removed = site.run("-e", "remove=vps-1", "-e", "confirm=vps-1")
    assert removed.returncode == 0, removed.text
    assert site.api.violations == []
    assert site.names() == ([], [], [("vps-1", "A", "192.0.2.9")])
    assert getattr(site.api, "addresses", getattr(site.api, "reserved", None)) == []
    assert not site.snippet.exists()
    gone = site.run("-e", "remove=vps-1", "-e", "confirm=vps-1")
    assert gone.returncode == 0 and changed(gone) == 0, gone.text


@pytest.mark.parametrize("site", ["digitalocean"], indirect=True)
def test_wrong_values_are_refused_before_anything_is_asked(site):
    done = site.run(provision_dns={"name": "x"})
    assert done.returncode != 0 and "provision_dns.zone: missing" in done.text
    (site.inventory / "host_vars").mkdir()
    (site.inventory / "host_vars/vps-1.yml").write_text("{}\n")
    assert "would no longer read" in site.run().text
    done = site.run("-e", "remove=by-hand", "-e", "confirm=by-hand")
    assert done.returncode != 0 and "Nothing was changed" in done.text
    assert site.api.calls == []
