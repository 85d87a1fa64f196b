#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Write a whole tree of configuration files, all or none
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Renders a folder that mirrors the host's file system and writes it in one round trip.
  - Only what differs is written, each file atomically. On any failure, a failed O(validate) included,
    every file is put back as it was.
  - Files it wrote once and no longer should are removed, and so are directories it made and leaves empty.
  - A run that was killed midway is undone by the next run of the same tree before it does anything else.
  - Once the files are valid, the O(apply) commands make the services take them over. Which of them are due is kept
    on the host until they succeed, so that a failure or a killed run never leaves a service with its former
    configuration unnoticed.
attributes:
  check_mode:
    description: Predicts the changes without writing; O(validate) and O(apply) do not run.
    support: full
  diff_mode:
    description: Shows content, modes, owners and links. Content of secret and binary files is left out.
    support: full
  idempotent:
    description: Writes and applies nothing when the host is as wanted.
    support: full
  action:
    description: Templates are rendered on the controller by an action plugin of the same name.
    support: full
options:
  name:
    description:
      - Name of the tree, unique on the host. What the tree wrote is kept under this name in O(state_dir).
      - Letters, digits, V(-) and V(_).
    type: str
    required: true
  src:
    description:
      - Folder below the role's (or the playbook's) C(templates/) to mirror. C(*.j2) files are rendered and lose
        the suffix, others are copied byte for byte, symbolic links stay links.
      - The default folder may be missing, a folder named here may not. An empty string means no folder.
    type: str
    default: tree
  dest:
    description: Absolute path that all other paths are relative to.
    type: str
    default: /
  owner:
    description: Owner of files and of directories made. A name or a number.
    type: str
    default: root
  group:
    description: Group of files and of directories made. A name or a number.
    type: str
    default: root
  mode:
    description: Mode of files, octal, in quotes.
    type: raw
    default: "0644"
  directory_mode:
    description: Mode of directories made, octal, in quotes.
    type: raw
    default: "0755"
  rules:
    description:
      - Exceptions from the defaults, for files and for the directories that are made. Where several rules
        match, a later one overrides what it sets.
      - Directories that the tree did not make and that O(directories) does not list are left as they are.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Shell pattern on the path relative to O(dest). V(*) matches V(/) too.
        type: str
        required: true
      mode:
        description: Mode, octal, in quotes. On a directory, search permission is added where read permission is.
        type: raw
      owner:
        description: Owner.
        type: str
      group:
        description: Group.
        type: str
      secret:
        description: Whether the content stays out of the diff, also when the file is removed later.
        type: bool
  exclude:
    description: Shell patterns on paths relative to O(dest) that are left out of the folder.
    type: list
    elements: str
    default: []
  for_each:
    description: Templates that make one file for each element of a list.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: Template below C(templates/). The element is C(item) in it.
        type: str
        required: true
      dest:
        description: Path relative to O(dest). V({key}) stands for the element's value of that key, V({item}) for
          an element that is no mapping.
        type: str
        required: true
      items:
        description: The elements.
        type: list
        elements: raw
        required: true
  content:
    description: Literal files, path to text.
    type: dict
    default: {}
  directories:
    description: Directories to have, with mode and owner by the defaults and O(rules) even if they were there before.
    type: list
    elements: str
    default: []
  links:
    description: Symbolic links, path to target.
    type: dict
    default: {}
  absent:
    description: Files and links to remove that the tree did not write.
    type: list
    elements: str
    default: []
  validate:
    description:
      - A command, or several to run in order, without a shell. Runs with the new files in place, only when something
        changed or is due, and never in check mode.
      - While it runs, the former files lie beside the new ones as C(.NAME.farol-old).
    type: raw
    default: []
  apply:
    description:
      - Commands that make services take over what changed, run in order after O(validate) succeeded, each once.
      - What is due is written down together with the files and crossed out when the command succeeds. Otherwise the
        next run reports a change and runs the command again, whether or not a file changed since.
      - The first command that fails ends the task. The files stay, since they are valid.
      - Commands may run more often than needed, never less, so they have to bear repetition.
    type: list
    elements: dict
    default: []
    suboptions:
      command:
        description:
          - Command, run without a shell. Of entries with the same command, it runs at the place of the first.
          - A changed command inherits what its predecessor left due; a removed one leaves nothing due.
        type: str
        required: true
      paths:
        description: Shell patterns on paths relative to O(dest). The command is due when a file that matches one of
          them is written or removed. With an empty list it is off, and leaves nothing due that a file had asked for.
        type: list
        elements: str
        default: ["*"]
      due:
        description: Whether the command is due regardless, for what the tree does not write itself.
        type: bool
        default: false
  guard:
    description:
      - For what can lock everybody out. When a file that matches changes, the former files are kept and a timer on the
        host is started before anything is written. After O(apply), a new connection has to be made and to become root;
        otherwise the timer puts the former files back and runs the due O(apply) commands again, and the task fails.
      - A reboot puts them back too, before the services start. The journal has it under C(farol-guard), and the next run
        of the tree warns of it once.
      - A failing O(apply) command puts them back at once.
      - Costs nothing while nothing that matches changes.
    type: dict
    suboptions:
      paths:
        description: Shell patterns on paths relative to O(dest).
        type: list
        elements: str
        default: ["*"]
      keep:
        description: Further files and directories that O(apply) changes, absolute, which go back together with them.
        type: list
        elements: path
        default: []
      timeout:
        description: Seconds until the host undoes what nobody confirmed.
        type: int
        default: 60
      port:
        description: Port that the new login uses, where the change moves SSH; V(0) for that of the connection.
        type: int
        default: 0
      user:
        description: User that the new login is, where the change shuts out the present one; empty for that of the connection.
        type: str
        default: ""
  state_dir:
    description: Directory on the host for what the trees wrote.
    type: str
    default: /var/lib/farol/config_tree
  payload:
    description: The rendered tree, which the action plugin fills in. A task that sets it is refused.
    type: str
"""

EXAMPLES = r"""
- name: Configure Nginx
  farol.vps.config_tree:
    name: nginx
    rules:
      - {path: "etc/nginx/tls/*", mode: "0600", secret: true}
    for_each:
      - src: site.conf.j2
        dest: "etc/nginx/farol/{name}.conf"
        items: "{{ nginx_sites }}"
    absent: [etc/nginx/sites-enabled/default]
    validate: nginx -t
    apply:
      - {command: systemctl reload-or-restart nginx, due: "{{ nginx_certificate_is_new }}"}

- name: Configure SSH, and prove that somebody still gets in
  farol.vps.config_tree:
    name: access
    validate: sshd -t
    apply:
      - {paths: ["etc/ssh/*"], command: systemctl reload-or-restart ssh}
    guard: {paths: ["etc/ssh/*"]}

- name: Configure fail2ban
  farol.vps.config_tree:
    name: bans
    validate: fail2ban-client -t
    apply:
      - {paths: ["etc/fail2ban/*"], command: systemctl restart fail2ban}

- name: Write a credentials file
  farol.vps.config_tree:
    name: report
    src: ""
    content:
      etc/report/token: "{{ vault_report_token }}"
    mode: "0400"
    owner: report
    rules:
      - {path: etc/report/token, secret: true}
"""

RETURN = r"""
files:
  description: What changed, in the order of the changes; nothing else is listed.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Absolute path of the file, link or directory.
      type: str
    state:
      description: V(created), V(changed) or V(removed).
      type: str
  sample:
    - {path: /etc/nginx/nginx.conf, state: changed}
    - {path: /etc/nginx/sites-enabled/default, state: removed}
applied:
  description: The O(apply) commands that ran successfully, in order. In check mode, those that would run.
  returned: success, or when an O(apply) command failed
  type: list
  elements: str
  sample: [systemctl reload-or-restart nginx]
cmd:
  description: The O(validate) or O(apply) command that failed.
  returned: when a command failed
  type: str
  sample: nginx -t
rc:
  description: Its exit code.
  returned: when a command failed
  type: int
  sample: 1
stdout:
  description: Its output.
  returned: when a command failed
  type: str
  sample: ""
stderr:
  description: Its error output.
  returned: when a command failed
  type: str
  sample: 'nginx: [emerg] unknown directive "lissten" in /etc/nginx/nginx.conf:12'
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._guard import Guard
from ansible_collections.farol.vps.plugins.module_utils._tree_apply import Apply
from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError, unpack
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Guarded, Run, run
from ansible_collections.farol.vps.plugins.module_utils._tree_spec import ARGUMENT_SPEC


def main() -> None:
    # Other users look below the state directory's parents, however strict root's umask is.
    os.umask(0o022)
    module = AnsibleModule(
        argument_spec={**ARGUMENT_SPEC, "payload": {"type": "str", "no_log": True}},
        supports_check_mode=True,
    )
    payload = module.params["payload"]
    if payload is None:
        module.fail_json(
            msg="config_tree renders its templates on the controller: call it as a task, "
            "`farol.vps.config_tree`, so that its action plugin runs."
        )

    def execute(command: str) -> tuple[int, str, str]:
        environment = {"LC_ALL": "C.UTF-8"}
        return module.run_command(command, environ_update=environment, handle_exceptions=False)

    validate = module.params["validate"]
    guard = module.params["guard"]
    job = Run(
        name=module.params["name"],
        tree=unpack(payload),
        state_dir=module.params["state_dir"],
        execute=execute,
        validate=[validate] if isinstance(validate, str) else validate,
        apply=[Apply(**entry) for entry in module.params["apply"]],
        guarded=Guarded(
            Guard(module.params["name"], execute), guard["paths"], guard["timeout"], guard["keep"]
        )
        if guard
        else None,
        dest=module.params["dest"],
        check=module.check_mode,
        # A result that is hidden as a whole carries no contents either.
        diff=module._diff and not module.no_log,
    )
    try:
        result = run(job)
    except TreeError as error:
        module.fail_json(msg=str(error), **error.details)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
