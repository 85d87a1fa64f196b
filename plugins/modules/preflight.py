#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Refuse a host that roles can't manage, before anything on it changes
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Checks the variables of the host against the argument specs of the roles. It names every key
    that is missing, unknown or of the wrong type, and every variable that bears a role's name and
    is no option of it.
  - Connects, by a fallback where the inventory's own login does not work yet, and says in one line why it can't and what to do.
  - Gathers the facts that the roles rely on, when they are missing, and needs root for it.
  - Refuses a distribution that is not supported.
  - Makes no round trip to the host when the facts are there.
options:
  roles:
    description: The roles of this collection that are about to run.
    type: list
    elements: str
    required: true
  fallback_users:
    description: Users to log in as where the inventory's own is refused, as on a host that no role has seen yet.
    type: list
    elements: str
    default: []
  fallback_ports:
    description: Ports to try where SSH does not answer at the inventory's own.
    type: list
    elements: int
    default: []
attributes:
  action:
    support: full
    description: Runs on the controller, which holds the variables.
  check_mode:
    support: full
    description: Changes nothing, with or without check mode.
  diff_mode:
    support: none
    description: There is nothing to show, since nothing changes.
  idempotent:
    support: full
    description: Changes nothing, however often it runs.
"""

EXAMPLES = r"""
- name: Check the host before it changes
  farol.vps.preflight:
    roles: [hardening, firewall, nginx]
"""

RETURN = r"""
login:
  description: The login that works, with C(user) and C(port). The tasks after this one have to be told.
  type: dict
  returned: when it is not the inventory's own
  sample: {user: root, port: 22}
wanted:
  description: The inventory's own login, with C(user) and C(port).
  type: dict
  returned: when it does not work and another one does
  sample: {user: deploy, port: 2222}
ansible_facts:
  description: The facts that the roles rely on.
  type: dict
  returned: when they were missing
  sample:
    ansible_distribution: Debian
    ansible_distribution_version: "13"
    ansible_memtotal_mb: 3915
"""
