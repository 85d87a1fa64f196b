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
    A release starts the idle colour, waits until it answers its health check, flips the flag, asks through
    Nginx, lets open connections end, changes the services beside it, watches the error rate for a while with
    the old colour still running, and stops that one. Whatever fails leaves the old release serving, after the
    flip by flipping back.
  - Accessories (databases, caches) live in a Compose project of their own that a release never restarts.
  - The containers and the flag are the only record, so a run that was killed is completed by the next one,
    which says what it found.
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
  state:
    description:
      - V(released) has the entry's version serve.
      - V(rolled_back) returns to a release that the host has kept, through the same gate and without a registry.
        A canary is ended instead, and a release that is still watched after its switch is left at once.
    type: str
    choices: [released, rolled_back]
    default: released
  to:
    description: The release or version to return to with O(state=rolled_back). The one before, unless set.
    type: str
  canary:
    description:
      - Start the new version beside the old one and send it this share of the clients, in per cent. Nothing else is
        changed, and the old release goes on serving the others. A run without this option switches all of them.
      - With V(0) only clients with the cookie C(farol_canary=always) get it.
    type: int
    choices: [0, 1, 5, 10, 25, 50]
  retry:
    description: Release a version again that was rolled back. Without it such a version is left alone.
    type: bool
    default: false
  container_defaults:
    description: Attributes of every container of the release, unless it has its own, such as C(mem_limit).
    type: dict
    default: {}
  singletons:
    description: Run services with C(singleton) on this host. To be V(false) on all hosts of an application but one.
    type: bool
    default: true
  root:
    description: Folder under which each application has its own, with a folder per release.
    type: path
    default: /opt/farol/apps
  state_dir:
    description: Folder under which each application has its flags, its lock and the log of its releases.
    type: path
    default: /var/lib/farol/apps
  keep_releases:
    description: How many releases stay on the host with their images, the running one included.
    type: int
    default: 3
  drain_timeout:
    description: Seconds that open connections to the old colour may take to end before the services change.
    type: int
    default: 10
  websocket_drain_timeout:
    description: Seconds that the old colour is kept for its WebSockets, for an entry with C(websocket).
    type: int
    default: 60
  bake_seconds:
    description: Seconds that the new release is watched with the old one still running.
    type: int
    default: 10
  migrate_timeout:
    description: Seconds that a migration may take.
    type: int
    default: 600
  min_free_mb:
    description: Megabytes that have to be free before a release is begun.
    type: int
    default: 1024
  access_log:
    description: Nginx's log in JSON, from which errors are counted. Nothing is counted where it is missing.
    type: path
    default: /var/log/nginx/access.log
  ask_nginx:
    description: Ask through this host's Nginx after the flip, and require that the new release answers.
    type: bool
    default: true
  by:
    description: Who releases, for the log on the host.
    type: str
    default: ""
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

- name: Return to the release before
  farol.vps.app_release:
    app: "{{ api | farol.vps.app_public }}"
    secrets: "{{ api | farol.vps.app_secrets }}"
    ports: "{{ api | farol.vps.app_ports }}"
    state: rolled_back
"""

RETURN = r"""
release:
  description: The release that serves, named after its version and its content.
  type: str
  returned: success
  sample: 1.4.2-1f0c9a3e
previous:
  description: The release that served before.
  type: str
  returned: success
  sample: 1.4.1-77aa01de
colour:
  description: The colour that serves.
  type: str
  returned: success
  sample: green
found:
  description: What an earlier run that did not end has left, and what was done about it.
  type: list
  elements: str
  returned: always
  sample: []
steps:
  description: What was done, in order, with the seconds each step took.
  type: list
  elements: dict
  returned: always
  sample: [{step: start, seconds: 1.04}, {step: gate, seconds: 0.81}]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils import _release_app
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

PORT = {"type": "int", "required": True}
SPEC = {
    "app": {"type": "dict", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "ports": {"type": "dict", "required": True, "options": {"blue": PORT, "green": PORT}},
    "state": {"type": "str", "choices": ["released", "rolled_back"], "default": "released"},
    "to": {"type": "str"},
    "canary": {"type": "int", "choices": [0, 1, 5, 10, 25, 50]},
    "retry": {"type": "bool", "default": False},
    "container_defaults": {"type": "dict", "default": {}},
    "singletons": {"type": "bool", "default": True},
    "root": {"type": "path", "default": "/opt/farol/apps"},
    "state_dir": {"type": "path", "default": "/var/lib/farol/apps"},
    "keep_releases": {"type": "int", "default": 3, "no_log": False},
    "drain_timeout": {"type": "int", "default": 10},
    "websocket_drain_timeout": {"type": "int", "default": 60},
    "bake_seconds": {"type": "int", "default": 10},
    "migrate_timeout": {"type": "int", "default": 600},
    "min_free_mb": {"type": "int", "default": 1024},
    "access_log": {"type": "path", "default": "/var/log/nginx/access.log"},
    "ask_nginx": {"type": "bool", "default": True},
    "by": {"type": "str", "default": ""},
}


def difference(result, name):
    note = ", ".join(
        part
        for part, needed in (
            ("accessories", result.plan.accessories),
            ("services", result.plan.services),
        )
        if needed
    )
    return {
        "before": f"release: {result.previous or 'none'}\n",
        "after": f"release: {result.release}\n" + (f"restarts: {note}\n" if note else ""),
        "before_header": f"{name}: running",
        "after_header": f"{name}: wanted",
    }


def run(module, app, target):
    if module.params["state"] == "rolled_back":
        return app.rollback(module.params["to"], check=module.check_mode)
    if module.check_mode:
        installed = module.get_bin_path("docker") is not None
        return app.look(target, installed)[0]
    return app.release(target)


def main():
    # The flags have to be visible to Nginx's workers, however strict root's umask is.
    os.umask(0o022)
    module = AnsibleModule(
        argument_spec=SPEC, mutually_exclusive=[("canary", "to")], supports_check_mode=True
    )
    name = module.params["app"]["name"]
    if module.get_bin_path("docker") is None and not module.check_mode:
        module.fail_json(
            msg=f"{name}: docker is not installed on this host; run the docker role first"
        )
    app = None
    try:
        app, target = _release_app.application(module.params)
        result = run(module, app, target)
    except Failed as error:
        module.fail_json(
            msg=f"{name}: {error}" + (f"\n{app.told()}." if app else ""),
            steps=error.steps,
            found=error.found,
            release=app and app.serving(),
        )
    answer = {key: getattr(result, key) for key in ("changed", "release", "previous", "colour")}
    if module._diff and result.changed:
        answer["diff"] = difference(result, name)
    module.exit_json(**answer, steps=result.steps, found=result.found)


if __name__ == "__main__":
    main()
