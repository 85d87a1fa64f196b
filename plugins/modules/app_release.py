#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_release
short_description: Release a container application beside the running one and switch when it is healthy
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Runs an application as two colours, blue and green, of which Nginx serves the one that a flag file names.
    A release starts the idle colour, waits until it answers its health check, flips the flag, lets open
    connections end and stops the other colour. Whatever fails before the flip leaves the old release serving.
  - Accessories (databases, caches) live in a Compose project of their own that a release never restarts.
  - The containers and the flag are the only record, so a run that was killed is completed by the next one.
requirements:
  - On the host the Docker engine and the Compose plugin (C(docker compose), version 2).
options:
  app:
    description: One entry of C(apps); the C(app) role documents its keys.
    type: dict
    required: true
  secrets:
    description:
      - The entry's secret environment, as the P(farol.vps.app_secrets#filter) filter takes it out of an entry.
      - Apart from O(app), so that none of its values is ever shown.
    type: dict
    default: {}
  ports:
    description: The host port of each colour on 127.0.0.1, as the P(farol.vps.app_ports#filter) filter gives them.
    type: dict
    required: true
    suboptions:
      blue:
        description: Port of the blue colour.
        type: int
        required: true
      green:
        description: Port of the green colour.
        type: int
        required: true
  root:
    description: Folder under which each application has its own, with a folder per release.
    type: path
    default: /opt/farol/apps
  state_dir:
    description: Folder under which each application has its flag file and its lock.
    type: path
    default: /var/lib/farol/apps
  keep_releases:
    description: How many releases stay on the host, the running one included.
    type: int
    default: 3
  drain_timeout:
    description: Seconds that open connections to the old colour may take to end before it is stopped.
    type: int
    default: 10
attributes:
  check_mode:
    description: Says whether a release would be made, without making it.
    support: full
  diff_mode:
    description: Shows the release before and after; never a secret.
    support: full
  idempotent:
    description: An application that already runs as wanted is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Release the API
  farol.vps.app_release:
    app: "{{ api | farol.vps.app_public }}"
    secrets: "{{ api | farol.vps.app_secrets }}"
    ports: "{{ api | farol.vps.app_ports }}"
"""

RETURN = r"""
release:
  description: The release that serves, named after its version and its content.
  type: str
  returned: success
  sample: 1.4.2-1f0c9a3e
colour:
  description: The colour that serves.
  type: str
  returned: success
  sample: green
steps:
  description: What was done, in order, with the seconds each step took.
  type: list
  elements: dict
  returned: success
  sample: [{step: start, seconds: 1.04}, {step: gate, seconds: 0.81}]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils import _release
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._release_run import Releaser


def difference(before, plan, wanted):
    after = wanted.release
    header = {"before_header": f"{wanted.app}: running", "after_header": f"{wanted.app}: wanted"}
    changes = [
        name
        for name, needed in (("accessories", plan.accessories), ("services", plan.services))
        if needed
    ]
    note = f"restarts: {', '.join(changes)}\n" if changes else ""
    return {
        "before": f"release: {before or 'none'}\n",
        "after": f"release: {after}\n{note}",
        **header,
    }


def entry(params):
    """The entry as the inventory has it: the public part with the secrets back in their places."""
    secrets = params["secrets"]
    accessories = {
        name: {**accessory, "secrets": (secrets.get("accessories") or {}).get(name) or {}}
        for name, accessory in (params["app"].get("accessories") or {}).items()
    }
    return {**params["app"], "secrets": secrets.get("app") or {}, "accessories": accessories}


def secret_values(app):
    sources = [app["secrets"], *(accessory["secrets"] for accessory in app["accessories"].values())]
    return [str(value) for source in sources for value in source.values()]


def look(module, host, wanted, installed):
    """What serves now, what is to be done, and the result that says so."""
    live, containers = host.live, host.containers() if installed else []
    plan = _release.plan(wanted, live, containers)
    before = _release.live_release(wanted, live, containers)
    result = {
        "changed": not plan.nothing,
        "release": wanted.release,
        "colour": plan.switch_to or live,
    }
    if module._diff and not plan.nothing:
        result["diff"] = difference(before, plan, wanted)
    return before, plan, result


def serves_now(host, wanted, before):
    """After a failure: the flip may or may not have come before it."""
    try:
        return _release.live_release(wanted, host.live, host.containers())
    except Failed:
        return before


def main():
    # The flag has to be visible to Nginx's workers, however strict root's umask is.
    os.umask(0o022)
    port = {"type": "int", "required": True}
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "dict", "required": True},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "ports": {"type": "dict", "required": True, "options": {"blue": port, "green": port}},
            "root": {"type": "path", "default": "/opt/farol/apps"},
            "state_dir": {"type": "path", "default": "/var/lib/farol/apps"},
            "keep_releases": {"type": "int", "default": 3, "no_log": False},
            "drain_timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    app = entry(module.params)
    host = Host(module, app)
    host.secrets = secret_values(app)
    releaser = Releaser(host, app, module.params["ports"], module.params)
    wanted = releaser.wanted
    installed = module.get_bin_path("docker") is not None
    if not installed and not module.check_mode:
        module.fail_json(
            msg=f"{app['name']}: docker is not installed on this host; run the docker role first"
        )

    before = None
    try:
        before, plan, result = look(module, host, wanted, installed)
        if not (plan.nothing or module.check_mode):
            with host.lock():
                before, plan, result = look(module, host, wanted, installed)
                releaser.run(plan)
    except Failed as error:
        serving = serves_now(host, wanted, before)
        module.fail_json(
            msg=f"{app['name']}: {error}\n{f'{serving} serves on' if serving else 'nothing serves'}.",
            steps=releaser.steps,
            release=serving,
        )
    module.exit_json(**result, steps=releaser.steps)


if __name__ == "__main__":
    main()
