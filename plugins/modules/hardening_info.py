#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hardening_info
short_description: Tell what of the wanted hardening is not in force on a host, and why
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Compares kernel settings, modules, mounts, modes, compilers and services with what is wanted, in one round trip.
  - Reads only. What a container or a kernel does not allow is named with its reason instead of being an error.
attributes:
  check_mode:
    description: Changes nothing, with or without check mode.
    support: full
  diff_mode:
    description: There is nothing to show, since nothing changes.
    support: none
  idempotent:
    description: Changes nothing, however often it runs.
    support: full
options:
  sysctl:
    description:
      - Kernel settings with their values. A V(*) in a name stands for every one that is there, as in
        C(net.ipv4.conf.*.log_martians).
    type: dict
    default: {}
  sysctl_file:
    description: File that sets them, to find the one that sets another value after it.
    type: path
    default: /etc/sysctl.d/zz-farol.conf
  in_container:
    description: Whether the kernel is the machine's, so that only settings of the network can be the host's own.
    type: bool
    default: false
  modules:
    description: Kernel modules that should not be loaded.
    type: list
    elements: str
    default: []
  mounts:
    description: Mount points, each with the list of options that it should have.
    type: dict
    default: {}
  modes:
    description: Files and directories with the mode that they should not go beyond, octal and in quotes.
    type: dict
    default: {}
  compilers:
    description: Whether to look for compilers that everybody may run.
    type: bool
    default: false
  apparmor:
    description: Whether AppArmor should be enabled.
    type: bool
    default: false
  services:
    description: Units that should be running and start at boot.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: See what is not in force
  farol.vps.hardening_info:
    sysctl:
      kernel.dmesg_restrict: 1
      net.ipv4.conf.*.accept_redirects: 0
    modules: [usb-storage]
    services: [auditd]
  register: hardening

- name: Show it
  ansible.builtin.debug:
    msg: "{{ hardening.open | map(attribute='name') }}"
"""

RETURN = r"""
open:
  description: What the host, its kernel or another file keeps from being in force.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: V(sysctl), V(module), V(mount), V(apparmor) or V(service).
      type: str
    name:
      description: Name of the setting.
      type: str
    wanted:
      description: What it should be.
      type: str
    found:
      description: What it is; empty when there is none.
      type: str
    reason:
      description: Why it is not as wanted.
      type: str
  sample:
    - kind: sysctl
      name: kernel.dmesg_restrict
      wanted: "1"
      found: "0"
      reason: the machine's own, whose kernel this container shares
modes:
  description: Paths that go beyond their mode, with that mode.
  returned: always
  type: dict
  sample: {/etc/crontab: "0600"}
compilers:
  description: Compilers that everybody may run, links resolved.
  returned: always
  type: list
  elements: str
  sample: [/usr/bin/x86_64-linux-gnu-gcc-13]
limited_compilers:
  description: Compilers that an override of dpkg keeps for root.
  returned: always
  type: list
  elements: str
  sample: [/usr/bin/x86_64-linux-gnu-as]
stopped:
  description: Units that are not running or do not start at boot, without those that a condition keeps from running.
  returned: always
  type: list
  elements: str
  sample: [auditd]
reboot_required:
  description: Whether the host waits for a reboot.
  returned: always
  type: bool
  sample: true
reboot_packages:
  description: Packages that asked for it.
  returned: always
  type: list
  elements: str
  sample: [linux-image-6.8.0-88-generic]
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._hardening_info import (
    PROPERTIES,
    Host,
    stopped,
    unmet,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "sysctl": {"type": "dict", "default": {}},
            "sysctl_file": {"type": "path", "default": "/etc/sysctl.d/zz-farol.conf"},
            "in_container": {"type": "bool", "default": False},
            "modules": {"type": "list", "elements": "str", "default": []},
            "mounts": {"type": "dict", "default": {}},
            "modes": {"type": "dict", "default": {}},
            "compilers": {"type": "bool", "default": False},
            "apparmor": {"type": "bool", "default": False},
            "services": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    host = Host(in_container=wanted["in_container"], sysctl_file=wanted["sysctl_file"])
    found = [
        *host.open_sysctl(wanted["sysctl"]),
        *host.open_modules(wanted["modules"]),
        *host.open_mounts(wanted["mounts"]),
        *(host.open_apparmor() if wanted["apparmor"] else ()),
    ]
    units = wanted["services"]
    shown = ""
    if units:
        shown = module.run_command(
            ["systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *units]
        )[1]
        found += unmet(units, shown)
    packages = host.reboot_required()
    module.exit_json(
        changed=False,
        open=[asdict(item) for item in found],
        modes=host.loose_modes(wanted["modes"]),
        compilers=host.open_compilers() if wanted["compilers"] else [],
        limited_compilers=host.limited_compilers(),
        stopped=stopped(units, shown),
        reboot_required=packages is not None,
        reboot_packages=packages or [],
    )


if __name__ == "__main__":
    main()
