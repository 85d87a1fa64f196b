#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_droplet
short_description: A Droplet with its SSH keys, firewall, reserved address and DNS records
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Has a VPS at DigitalOcean, known by its name, and what belongs to it. What is there is used, what is missing is created.
  - A Droplet is never resized, rebuilt or moved. A size or region that differs is a warning.
requirements:
  - pydo 0.11 or newer, where the module runs
attributes:
  check_mode:
    description: Reads what there is and tells what would be done. Addresses of what is not there yet are empty then.
    support: full
  diff_mode:
    description: Shows what is created, updated and removed.
    support: full
  idempotent:
    description: A second run finds everything as wanted.
    support: full
options:
  token:
    description: Token of DigitalOcean's API, with the right to read and write what is used here.
    type: str
    required: true
  endpoint:
    description: Address of the API, over HTTPS.
    type: str
    default: https://api.digitalocean.com
  ca_file:
    description: File with the authority to trust, in place of Python's.
    type: path
  name:
    description: Name of the Droplet, which is its hostname too.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the Droplet, its firewall, its reserved address, and the DNS records of O(dns) that lead to it. SSH keys stay.
    type: str
    choices: [present, absent]
    default: present
  region:
    description: Where it stands. Needed for O(state=present), like O(size) and O(image).
    type: str
  size:
    description: Its size.
    type: str
  image:
    description: What it starts from.
    type: str
  ssh_keys:
    description: Keys that root has from the start. They are added to the account where it lacks them.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the account calls it.
        type: str
        required: true
      public_key:
        description: The public key.
        type: str
        required: true
  firewall_rules:
    description: What is let in. The firewall is called C(farol-NAME), and lets everything out.
    type: list
    elements: dict
    default: []
    suboptions:
      proto:
        description: Protocol.
        type: str
        choices: [tcp, udp, icmp]
        default: tcp
      port:
        description: Port, or a range as in V(8000:8010). None for V(icmp).
        type: str
      from:
        description: Addresses and networks. Everywhere when empty.
        type: list
        elements: str
        default: []
  reserved_address:
    description: Whether it has an address that can be moved to another Droplet.
    type: bool
    default: false
  dns:
    description: The DNS records that lead to it, A and, with O(ipv6), AAAA. The zone has to be at DigitalOcean.
    type: dict
    suboptions:
      zone:
        description: The zone.
        type: str
        required: true
      name:
        description: Name within the zone, V(@) for the zone itself.
        type: str
        default: "@"
      ttl:
        description: Seconds for which an answer is kept.
        type: int
        default: 300
  ipv6:
    description: Whether a new Droplet has an IPv6 address.
    type: bool
    default: true
  backups:
    description: Whether a new Droplet has DigitalOcean's backups.
    type: bool
    default: false
  tags:
    description: Tags of a new Droplet.
    type: list
    elements: str
    default: []
  user_data:
    description: Configuration for cloud-init at the first start.
    type: str
  timeout:
    description: Seconds until a new Droplet has to be active.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Have a VPS
  delegate_to: localhost
  farol.vps.digitalocean_droplet:
    token: "{{ vault_digitalocean_token }}"
    name: vps-1
    region: fra1
    size: s-2vcpu-4gb
    image: ubuntu-24-04-x64
    ssh_keys: [{name: me, public_key: "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"}]
    firewall_rules: [{port: "22"}, {port: "80"}, {port: "443"}]
    dns: {zone: example.com, name: vps-1}
"""

RETURN = r"""
id:
  description: ID of the Droplet, empty if there is none.
  returned: success
  type: str
  sample: "416940811"
address:
  description: Its IPv4 address, the reserved one where it has one.
  returned: success
  type: str
  sample: 203.0.113.10
address6:
  description: Its IPv6 address.
  returned: success
  type: str
  sample: 2001:db8::10
done:
  description: What was done, or would be in check mode, in order.
  returned: success
  type: list
  elements: str
  sample: ["create Droplet 'vps-1'"]
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.farol.vps.plugins.module_utils import _digitalocean
from ansible_collections.farol.vps.plugins.module_utils._digitalocean_droplet import Droplet

ARGUMENTS = {
    **_digitalocean.OPTIONS,
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "region": {"type": "str"},
    "size": {"type": "str"},
    "image": {"type": "str"},
    "ssh_keys": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {
            "name": {"type": "str", "required": True},
            "public_key": {"type": "str", "required": True, "no_log": False},
        },
    },
    "firewall_rules": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "proto": {"type": "str", "choices": ["tcp", "udp", "icmp"], "default": "tcp"},
            "port": {"type": "str"},
            "from": {"type": "list", "elements": "str", "default": []},
        },
    },
    "reserved_address": {"type": "bool", "default": False},
    "dns": {
        "type": "dict",
        "options": {
            "zone": {"type": "str", "required": True},
            "name": {"type": "str", "default": "@"},
            "ttl": {"type": "int", "default": 300},
        },
    },
    "ipv6": {"type": "bool", "default": True},
    "backups": {"type": "bool", "default": False},
    "tags": {"type": "list", "elements": "str", "default": []},
    "user_data": {"type": "str"},
    "timeout": {"type": "int", "default": 300},
}


def main() -> None:
    module = AnsibleModule(
        ARGUMENTS,
        required_if=[("state", "present", ("region", "size", "image"))],
        supports_check_mode=True,
    )
    if _digitalocean.PYDO_ERROR:
        module.fail_json(msg=missing_required_lib("pydo"), exception=_digitalocean.PYDO_ERROR)
    try:
        api = _digitalocean.connect(module.params)
        droplet = Droplet(api, module.params, module.check_mode)
        result = droplet.present() if module.params["state"] == "present" else droplet.absent()
    except _digitalocean.DigitalOceanError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
