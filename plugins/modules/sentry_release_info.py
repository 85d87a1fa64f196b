#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sentry_release_info
short_description: What Sentry or Bugsink has of releases
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Tells of one release with its deploys, or of the newest ones of the organization or of one project.
extends_documentation_fragment: [farol.vps.sentry]
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
options:
  version:
    description: The one release. All of them unless set.
    type: str
  project:
    description: The project, for O(version) not set. For Bugsink always needed, a number, a slug or a name.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Look at a release
  farol.vps.sentry_release_info:
    token: "{{ vault_sentry_token }}"
    version: api@1.4.2
  delegate_to: localhost
  register: found

- name: Require that it is in production
  ansible.builtin.assert:
    that: "'production' in found.deploys | map(attribute='environment')"
"""

RETURN = r"""
releases:
  description: The releases as the server tells of them, the newest first. Empty where there is none.
  type: list
  elements: dict
  returned: always
  sample: [{version: api@1.4.2, dateReleased: "2026-11-25T10:00:00Z", commitCount: 3, deployCount: 1}]
deploys:
  description: The last deploy of O(version) to each environment.
  type: list
  elements: dict
  returned: always
  sample: [{id: "1", environment: production, name: null, dateFinished: "2026-11-25T10:00:00Z"}]
requests:
  description: How many requests were sent.
  type: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError
from ansible_collections.farol.vps.plugins.module_utils._sentry_bugsink import Bugsink
from ansible_collections.farol.vps.plugins.module_utils._sentry_options import CONNECTION, connect
from ansible_collections.farol.vps.plugins.module_utils._sentry_release import Sentry


def at_sentry(api, organization, version, project):
    server = Sentry(api, organization, checkout=None)
    if version is None:
        return server.releases(project), []
    release = server.get(version)
    if release is None:
        return [], []
    return [release], server.deploys(version) if release.get("deployCount") != 0 else []


def at_bugsink(api, version, project):
    if not project:
        raise SentryError("project: missing; Bugsink tells of the releases of one project")
    server = Bugsink(api)
    found = server.releases(server.number(project))
    return [each for each in found if version in (None, each["version"])], []


def main():
    module = AnsibleModule(
        argument_spec={
            **CONNECTION,
            "version": {"type": "str"},
            "project": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        account, api = connect(params)
        for warning in account.warnings:
            module.warn(warning)
        if params["backend"] == "bugsink":
            releases, deploys = at_bugsink(api, params["version"], params["project"])
        else:
            releases, deploys = at_sentry(
                api, account.organization, params["version"], params["project"]
            )
    except SentryError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, releases=releases, deploys=deploys, requests=api.asked)


if __name__ == "__main__":
    main()
