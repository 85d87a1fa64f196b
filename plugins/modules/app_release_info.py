#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_release_info
short_description: What serves of an application, which releases are kept, and what was released when
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Reads what M(farol.vps.app_release) has left on the host.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Folder under which each application has its own.
    type: path
    default: /opt/farol/apps
  state_dir:
    description: Folder under which each application has its flags and its log.
    type: path
    default: /var/lib/farol/apps
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Look at the releases of the API
  farol.vps.app_release_info:
    name: api
  register: api_releases
"""

RETURN = r"""
serving:
  description: The release that serves, or nothing.
  type: str
  returned: always
  sample: 1.4.2-1f0c9a3e
colour:
  description: The colour that Nginx serves.
  type: str
  returned: always
  sample: green
canary:
  description: The share of clients, in per cent, that gets the other colour; nothing without a canary.
  type: int
  returned: always
  sample: 10
maintenance:
  description: Whether visitors get the maintenance page.
  type: bool
  returned: always
held:
  description: A release that was rolled back and does not return by itself.
  type: str
  returned: always
  sample: 1.4.3-0c0ffee0
kept:
  description: The releases that can be returned to, in the order in which they first served.
  type: list
  elements: dict
  returned: always
  sample: [{release: 1.4.1-77aa01de, version: 1.4.1, served: 1764000000.0}]
log:
  description: What was released, oldest first.
  type: list
  elements: dict
  returned: always
  sample:
    - time: "2026-11-24T10:00:00Z"
      by: deploy
      action: release
      release: 1.4.2-1f0c9a3e
      version: 1.4.2
      previous: 1.4.1-77aa01de
      images: {"ghcr.io/acme/api:1.4.2": "sha256:4f53…"}
      steps: [{step: start, seconds: 1.04}]
      found: []
      outcome: released
      reason: ""
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._release_app import App, Settings


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "default": "/opt/farol/apps"},
            "state_dir": {"type": "path", "default": "/var/lib/farol/apps"},
        },
        supports_check_mode=True,
    )
    params = module.params
    app = App(params["name"], params["root"], params["state_dir"], Settings(ports={}))
    module.exit_json(
        changed=False,
        serving=app.serving() if module.get_bin_path("docker") else None,
        colour=app.state.live,
        canary=app.state.canary,
        maintenance=os.path.exists(app.state.path("maintenance")),
        held=app.state.held,
        kept=[
            {"release": target.id, "version": target.version, "served": target.served}
            for target in app.store.kept()
        ],
        log=app.state.entries(),
    )


if __name__ == "__main__":
    main()
