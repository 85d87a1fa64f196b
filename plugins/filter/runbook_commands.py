# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: runbook_commands
short_description: The commands of the runbooks
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Every command that the pages of the role P(farol.vps.runbooks#role) show, with where it runs and whether it changes something,
    so that a test can run those that change nothing.
positional: _input
options:
  _input:
    description: The hosts, as P(farol.vps.runbook_hosts#filter) describes them.
    type: list
    elements: dict
    required: true
  inventory:
    description: Path of the inventory.
    type: str
    required: true
  project:
    description: Folder that the commands are run from. What lies in it is named from there.
    type: str
    default: ""
  options:
    description: What every C(ansible-playbook) gets besides, such as V(--ask-vault-pass).
    type: str
    default: ""
  prefix:
    description: What stands before the name of a playbook. V(farol.vps.) where the collection is installed.
    type: str
    default: playbooks/
  vaults:
    description: Files with secrets.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show them
  ansible.builtin.debug:
    msg: "{{ groups['all'] | farol.vps.runbook_hosts(hostvars) | farol.vps.runbook_commands('inventories/production') | map(attribute='run') }}"
"""

RETURN = r"""
_value:
  description: The commands, in the order of the pages.
  type: list
  elements: dict
  sample:
    - topic: rollback
      about: api
      title: Return to the release before
      where: controller
      host: ""
      changes: true
      playbook: rollback
      limit: ""
      variables: {app: api}
      run: ansible-playbook -i inventories/production playbooks/rollback.yml -e app=api
"""

from pathlib import Path

from ansible_collections.farol.vps.plugins.plugin_utils._runbooks import commands


def runbook_commands(hosts, inventory, project="", options="", prefix="playbooks/", vaults=None):
    return commands(
        hosts,
        within(inventory, project),
        options,
        prefix,
        [within(vault, project) for vault in vaults or []],
    )


def within(path, project):
    """The path as seen from the folder of the project, if it lies in there."""
    if project and Path(path).is_relative_to(project):
        return str(Path(path).relative_to(project))
    return str(path)


class FilterModule:
    def filters(self):
        return {"runbook_commands": runbook_commands}
