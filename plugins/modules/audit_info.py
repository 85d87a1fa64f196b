#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Updates, open sockets, modes of secrets and containers of a host
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Reads on the host what an audit looks at beside Lynis. Changes nothing, and asks no server.
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: There is nothing to differ.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
options:
  secrets:
    description: Files that hold secrets, as patterns of the shell, where C(**) stands for folders of any depth.
    type: list
    elements: str
    default:
      - /opt/farol/**/secrets*
      - /opt/farol/**/*.env
      - /etc/farol/**/*.key
      - /etc/farol/backup*
      - /etc/farol/backup/**
      - /etc/letsencrypt/**/privkey*.pem
      - /etc/ssl/private/*
      - /etc/ssh/ssh_host_*_key
      - /etc/pgbackrest/**
      - /root/.pgpass
"""

EXAMPLES = r"""
- name: Look at the host
  become: true
  farol.vps.audit_info:
  register: audit
"""

RETURN = r"""
updates:
  description: Packages with a newer version, as of the last time that the host looked for them.
  returned: always
  type: list
  elements: dict
  sample: [{package: openssl, installed: 3.0.13-0ubuntu3.5, available: 3.0.13-0ubuntu3.6, security: true}]
updates_age:
  description: Days since then.
  returned: always
  type: float
  sample: 0.4
reboot_packages:
  description: Packages that wait for a reboot, nothing where none does.
  returned: always
  type: list
  elements: str
  sample: [linux-image-6.8.0-88-generic]
reboot_required:
  description: Whether the host waits for a reboot.
  returned: always
  type: bool
  sample: false
listening:
  description: Sockets that are not of the loopback interface alone.
  returned: always
  type: list
  elements: dict
  sample: [{protocol: tcp, port: 443, process: nginx}]
secrets:
  description: Files with secrets that others than root and their owner could read or change.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/farol/ca/host.key, mode: "0644", owner: "root:root"}]
images:
  description: Images of running containers, with their age in days.
  returned: always
  type: list
  elements: dict
  sample: [{image: "postgres:17", days: 41}]
containers:
  description: Running containers that have more of the host than they should.
  returned: always
  type: list
  elements: dict
  sample: [{container: agent, risks: [privileged]}]
left_out:
  description: What could not be looked at, and why.
  returned: always
  type: list
  elements: dict
  sample: [{what: images, why: there is no Docker}]
"""

import shutil
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils import _audit_host
from ansible_collections.farol.vps.plugins.module_utils._hardening_info import Host

SECRETS = [
    "/opt/farol/**/secrets*",
    "/opt/farol/**/*.env",
    "/etc/farol/**/*.key",
    "/etc/farol/backup*",
    "/etc/farol/backup/**",
    "/etc/letsencrypt/**/privkey*.pem",
    "/etc/ssl/private/*",
    "/etc/ssh/ssh_host_*_key",
    "/etc/pgbackrest/**",
    "/root/.pgpass",
]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "secrets": {
                "type": "list",
                "elements": "str",
                "default": SECRETS,
                "no_log": False,
            }
        },
        supports_check_mode=True,
    )
    now = time.time()
    left_out = []

    def output(what, *command):
        """What the command prints; a command that is missing or fails is told, and prints nothing."""
        if not shutil.which(command[0]):
            left_out.append({"what": what, "why": f"there is no {command[0]} on the host"})
            return ""
        code, out, err = module.run_command([*command], environ_update={"LC_ALL": "C"})
        if code:
            last = (err.strip().splitlines() or ["no reason given"])[-1]
            left_out.append({"what": what, "why": f"{command[0]} failed: {last}"})
            return ""
        return out

    simulated = output("updates", "apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade")
    shown = output("listening sockets", "ss", "-Hltnup")
    inspected = images = ""
    running = output("containers", "docker", "ps", "--quiet").split()
    if running:
        inspected = output("containers", "docker", "inspect", *running)
        ids = sorted({container["Image"] for container in module.from_json(inspected or "[]")})
        images = output("images", "docker", "image", "inspect", *ids) if ids else ""
    reboot = Host().reboot_required()
    module.exit_json(
        changed=False,
        updates=_audit_host.updates(simulated),
        updates_age=_audit_host.age_of_lists(now),
        reboot_required=reboot is not None,
        reboot_packages=reboot or [],
        listening=_audit_host.listening(shown),
        secrets=_audit_host.open_secrets(module.params["secrets"]),
        images=_audit_host.images(images, now),
        containers=_audit_host.containers(inspected),
        left_out=left_out,
    )


if __name__ == "__main__":
    main()
