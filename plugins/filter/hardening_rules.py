# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: hardening_rules
short_description: Rules of the hardening catalogue that hold on a host
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Sorts the catalogue by level and waivers, and sums up what the rules that hold ask of the host.
  - A waiver for a rule that does not exist, or without a reason, is an error.
positional: _input
options:
  _input:
    description: The catalogue.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the rule, as in the waivers.
        type: str
        required: true
      level:
        description: The lowest level that it belongs to.
        type: str
        choices: [baseline, strict, paranoid]
        required: true
      does:
        description: What it sets.
        type: str
        required: true
      why:
        description: What it is good for.
        type: str
        required: true
      source:
        description: Benchmarks and tests that ask for it.
        type: list
        elements: str
        required: true
      breaks:
        description: What it may break.
        type: str
        required: true
      needs:
        description: V(kernel) for what a container can't have, since its kernel is the machine's.
        type: str
        choices: [kernel]
      files:
        description: Paths of the configuration tree that exist only while the rule holds.
        type: list
        elements: str
      packages:
        description: Packages that it needs.
        type: list
        elements: str
      without_packages:
        description: Packages that it removes.
        type: list
        elements: str
      services:
        description: Units that it starts.
        type: list
        elements: str
      sysctl:
        description: Kernel settings.
        type: dict
      modules:
        description: Kernel modules that may not be loaded.
        type: list
        elements: str
      modes:
        description: Files and directories of packages with the mode that they may not go beyond.
        type: dict
      mounts:
        description: Mount points, each with the list of options that it should have.
        type: dict
      lines:
        description: Lines in files of packages, as M(farol.vps.config_lines) takes them.
        type: list
        elements: dict
  level:
    description: Level of the host.
    type: str
    choices: [baseline, strict, paranoid]
    default: strict
  waivers:
    description: Rules that are off, each with the reason.
    type: dict
    default: {}
  in_container:
    description: Whether the host is a container.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the packages that the rules ask for
  ansible.builtin.debug:
    msg: "{{ (rules | farol.vps.hardening_rules(level='strict', waivers={'process_accounting': 'too little disk'})).packages }}"
"""

RETURN = r"""
_value:
  description:
    - V(on), V(waived) (name to reason) and V(impossible) (name to reason) are the rules of the level;
      V(files), V(packages), V(without_packages), V(services), V(sysctl), V(modules), V(modes) and V(mounts) what those that hold ask for.
      V(exclude) are the files of all the others.
  type: dict
  sample:
    on: [ssh_keys_only]
    waived: {process_accounting: too little disk}
    impossible: {}
    exclude: [etc/default/acct]
    files: [etc/ssh/sshd_config.d/00-farol.conf]
    packages: [openssh-server]
    without_packages: []
    services: []
    sysctl: {}
    modules: []
    modes: {}
    mounts: {}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._hardening_rules import RuleError, choose


def hardening_rules(rules, level="strict", waivers=None, in_container=False):
    try:
        return choose(rules, level, waivers, in_container)
    except RuleError as error:
        raise AnsibleFilterError(f"{error}.") from None


class FilterModule:
    def filters(self):
        return {"hardening_rules": hardening_rules}
