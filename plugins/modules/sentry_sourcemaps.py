#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sentry_sourcemaps
short_description: Upload the source maps of a front end with Sentry's own client
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Has C(sentry-cli) give each script and its map a common id and upload both, so that errors are shown in the source as it was written.
  - Run it on what was built and before it is served, since the ids are written into the scripts.
  - The token goes by the environment, and stands in no list of processes.
requirements:
  - C(sentry-cli) (2.17 or newer) where this runs, from PyPI, npm or Sentry's own releases.
attributes:
  check_mode:
    description: Looks for the client and for the files.
    support: partial
    details: The client can't tell without an upload what the server has, so every upload counts as a change.
  diff_mode:
    description: Shows nothing.
    support: none
  idempotent:
    description: What has its ids and is on the server is left alone.
    support: full
options:
  path:
    description: Folder of the scripts and their maps.
    type: path
    required: true
  projects:
    description: Slugs of the projects.
    type: list
    elements: str
    required: true
  version:
    description: Name of the release that the maps are of. The ids alone are enough for SDKs from 2023 on.
    type: str
  dist:
    description: Which of several builds of a release.
    type: str
  url_prefix:
    description: What stands before the names of the files in the browser. Matters without ids only.
    type: str
  inject:
    description: Write ids into the files.
    type: bool
    default: true
  url:
    description: Address of the server. V(https://sentry.io), or the token's, unless set.
    type: str
    default: ""
  organization:
    description: Slug of the organization. The token's unless set. Bugsink takes any.
    type: str
    default: ""
  token:
    description: A token that may upload, such as one of an organization (C(org:ci)).
    type: str
    required: true
  executable:
    description: The client, where it is not on C(PATH).
    type: path
  ca_path:
    description: File with the authorities to trust in place of the system's.
    type: path
  wait_for:
    description:
      - Seconds to wait until the server has worked on what it was sent. The task fails when it has not by then.
      - With V(0) it is not waited for. Bugsink never says that it has.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Upload the maps of the shop
  farol.vps.sentry_sourcemaps:
    path: ~/src/shop/dist
    organization: acme
    projects: [shop]
    version: shop@2.1.0
    token: "{{ vault_sentry_token }}"
  delegate_to: localhost
"""

RETURN = r"""
injected:
  description: Whether ids were written into files.
  type: bool
  returned: success
uploaded:
  description: Whether files were sent. Otherwise the server had them.
  type: bool
  returned: success
files:
  description: How many scripts and maps there are.
  type: int
  returned: success
  sample: 12
output:
  description: What the client printed.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils import _sentry

KINDS = (".js", ".cjs", ".mjs", ".map", ".jsbundle", ".bundle")
MISSING = "sentry-cli is not installed here; install it (pip install sentry-cli, npm install @sentry/cli) or set executable"


def count(path):
    """How many scripts and maps there are below a folder."""
    return sum(name.endswith(KINDS) for _folder, _folders, names in os.walk(path) for name in names)


def environment(account, params):
    """What the client is told beside its arguments: the token, and nothing of the user's own settings."""
    return {
        "SENTRY_AUTH_TOKEN": account.token,
        "SENTRY_URL": account.url,
        "SENTRY_LOAD_DOTENV": "0",
        "SENTRY_LOG_LEVEL": "warn",
        "SENTRY_PROPERTIES": "/dev/null",
        **({"SSL_CERT_FILE": params["ca_path"]} if params["ca_path"] else {}),
    }


def upload_arguments(account, params):
    arguments = ["sourcemaps", "upload"]
    if params["wait_for"]:
        arguments.append(f"--wait-for={params['wait_for']}")
    if account.organization:
        arguments.append(f"--org={account.organization}")
    arguments += [f"--project={project}" for project in params["projects"]]
    for option, name in (("version", "release"), ("dist", "dist"), ("url_prefix", "url-prefix")):
        if params[option]:
            arguments.append(f"--{name}={params[option]}")
    return [*arguments, "--", params["path"]]


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "projects": {"type": "list", "elements": "str", "required": True},
            "version": {"type": "str"},
            "dist": {"type": "str"},
            "url_prefix": {"type": "str"},
            "inject": {"type": "bool", "default": True},
            "url": {"type": "str", "default": ""},
            "organization": {"type": "str", "default": ""},
            "token": {"type": "str", "required": True, "no_log": True},
            "executable": {"type": "path"},
            "ca_path": {"type": "path"},
            "wait_for": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    output = []

    def client(*arguments):
        status, out, errors = module.run_command(
            [program, *arguments], environ_update=environment(account, params)
        )
        output.extend(line for line in (out + errors).splitlines() if line.strip())
        if status:
            reason = " ".join(line.strip() for line in errors.splitlines() if line.strip())
            module.fail_json(
                msg=f"sentry-cli {arguments[0]} {arguments[1]}: {reason[:600] or f'ended with {status}'}",
                output=output,
            )
        return out + errors

    try:
        account = _sentry.account(params["url"], params["organization"], params["token"], "any")
    except _sentry.SentryError as error:
        module.fail_json(msg=str(error), output=output)
    for warning in account.warnings:
        module.warn(warning)
    fault = _sentry.version_fault(params["version"]) if params["version"] else ""
    if fault:
        module.fail_json(msg=f"version: {params['version']!r} {fault}", output=output)
    program = params["executable"] or module.get_bin_path("sentry-cli")
    if not program or not os.access(program, os.X_OK):
        module.fail_json(msg=MISSING, output=output)
    files = count(params["path"])
    if not files:
        module.fail_json(
            msg=f"path: {params['path']} has no scripts and no maps; build the front end first",
            output=output,
        )
    if module.check_mode:
        module.exit_json(
            changed=True, injected=params["inject"], uploaded=True, files=files, output=output
        )
    injected = False
    if params["inject"]:
        injected = "Modified:" in client("sourcemaps", "inject", "--", params["path"])
    uploaded = "Nothing to upload" not in client(*upload_arguments(account, params))
    module.exit_json(
        changed=injected or uploaded,
        injected=injected,
        uploaded=uploaded,
        files=files,
        output=output,
    )


if __name__ == "__main__":
    main()
