#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_outside
short_description: Open ports, TLS and headers of a host, and what scanners say of it, seen from another machine
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Looks from where the task runs. Use C(delegate_to=localhost).
  - Ports, protocols of TLS, certificates and headers need nothing. C(ssh-audit) and C(sslyze), and for source code C(bandit) and C(pip-audit),
    are run where they are installed beside Ansible or on the PATH. Otherwise RV(left_out) says so.
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
  address:
    description: Address of the host. Nothing of a host is looked at when empty.
    type: str
    default: ""
  ssh_port:
    description: Port of SSH.
    type: int
    default: 22
  sites:
    description: Names of sites that the host serves.
    type: list
    elements: str
    default: []
  ca_file:
    description: File of the certificate authority to trust, in place of the system's.
    type: path
  ports:
    description: TCP ports to look at, beside those up to 1024 and those of common services.
    type: list
    elements: int
    default: []
  sources:
    description: Folders with source code on this machine, by name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Look from outside
  delegate_to: localhost
  farol.vps.audit_outside:
    address: 203.0.113.5
    sites: [api.example.com]
  register: outside
"""

RETURN = r"""
ports:
  description: TCP ports that are open.
  returned: always
  type: list
  elements: int
  sample: [22, 80, 443]
sites:
  description: What each site shows, or C(fault) where it shows nothing.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: api.example.com, distrust: "", days: 61.2, missing: [], server: nginx, powered: "", http: redirect, old_protocols: []}
ssh:
  description: What ssh-audit calls a failure or warns of.
  returned: always
  type: list
  elements: dict
  sample: [{algorithm: ecdh-sha2-nistp256, level: fail, why: using elliptic curves that are suspected}]
sslyze:
  description: In what each site differs from Mozilla's intermediate guideline, by name.
  returned: always
  type: dict
  sample: {api.example.com: ["ciphers: Cipher suites {'TLS_RSA_WITH_AES_128_CBC_SHA'} are supported, but should be rejected."]}
bandit:
  description: What bandit finds in each source, of medium severity and more.
  returned: always
  type: dict
  sample: {api: [{id: B608, severity: medium, where: "app/db.py:12", text: Possible SQL injection}]}
pip_audit:
  description: Packages of each source with known holes.
  returned: always
  type: dict
  sample: {api: [{id: PYSEC-2024-1, package: "jinja2 3.1.2", fixed: [3.1.3]}]}
left_out:
  description: What was not looked at, and why.
  returned: always
  type: list
  elements: dict
  sample: [{what: sslyze, why: "not installed on the controller: pip install sslyze"}]
"""

import os
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils import _audit_outside


class Scanners:
    """Runs what is installed, and remembers what was left out and why."""

    def __init__(self):
        self.left_out = []

    def skip(self, what, why):
        entry = {"what": what, "why": why}
        if entry not in self.left_out:
            self.left_out.append(entry)

    def run(self, tool, arguments, read, nothing, of=""):
        path = _audit_outside.find_tool(tool)
        if not path:
            self.skip(tool, f"not installed on the controller: pip install {tool}")
            return nothing
        try:
            return read(_audit_outside.run_tool([path, *arguments]))
        except (ValueError, KeyError, TypeError, OSError, subprocess.TimeoutExpired) as error:
            self.skip(f"{tool}{f' of {of}' if of else ''}", str(error) or type(error).__name__)
            return nothing


def look_at_host(options, scanners):
    address = options["address"]
    ports = {*range(1, 1025), *_audit_outside.INNER_PORTS, options["ssh_port"], *options["ports"]}
    trust = ["--certinfo_ca_file", options["ca_file"]] if options["ca_file"] else []
    return {
        "ports": _audit_outside.open_ports(address, ports),
        "sites": [
            _audit_outside.site(name, address, options["ca_file"] or "")
            for name in options["sites"]
        ],
        "ssh": scanners.run(
            "ssh-audit",
            ["--json", "--skip-rate-test", "--port", str(options["ssh_port"]), address],
            _audit_outside.ssh_findings,
            [],
        ),
        "sslyze": {
            name: scanners.run(
                "sslyze",
                # The name after the address: sslyze connects to the address and asks for the name.
                ["--mozilla_config=intermediate", *trust, f"{name}:443{{{address}}}"],
                _audit_outside.sslyze_findings,
                [],
                name,
            )
            for name in options["sites"]
        },
    }


def look_at_source(name, folder, scanners):
    if not os.path.isdir(folder):
        scanners.skip(f"source of {name}", f"there is no folder {folder}")
        return [], []
    tests = ",".join(os.path.join(folder, part) for part in ("tests", ".venv"))
    code = scanners.run(
        "bandit",
        ["--recursive", "--quiet", "--format", "json", "--exclude", tests, folder],
        _audit_outside.bandit_findings,
        [],
        name,
    )
    requirements = os.path.join(folder, "requirements.txt")
    if not os.path.exists(requirements):
        scanners.skip(f"pip-audit of {name}", f"there is no {requirements}")
        return code, []
    packages = scanners.run(
        "pip-audit",
        [
            "--requirement",
            requirements,
            "--format",
            "json",
            "--progress-spinner",
            "off",
            "--no-deps",
        ],
        _audit_outside.pip_audit_findings,
        [],
        name,
    )
    return code, packages


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "default": ""},
            "ssh_port": {"type": "int", "default": 22},
            "sites": {"type": "list", "elements": "str", "default": []},
            "ca_file": {"type": "path"},
            "ports": {"type": "list", "elements": "int", "default": []},
            "sources": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    options = module.params
    scanners = Scanners()
    found = {"ports": [], "sites": [], "ssh": [], "sslyze": {}}
    if options["address"]:
        found = look_at_host(options, scanners)
    sources = {
        name: look_at_source(name, folder, scanners)
        for name, folder in sorted(options["sources"].items())
    }
    module.exit_json(
        changed=False,
        **found,
        bandit={name: code for name, (code, _packages) in sources.items()},
        pip_audit={name: packages for name, (_code, packages) in sources.items()},
        left_out=scanners.left_out,
    )


if __name__ == "__main__":
    main()
