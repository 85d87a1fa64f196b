#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Start or stop units of systemd, all in one round trip where nothing differs
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Asks C(systemctl show) for the state of all units at once. M(ansible.builtin.systemd_service) is run for each one that differs, in the
    order in which they are named, and for no other.
options:
  name:
    description: Units. One without a suffix is a service. An empty list is nothing to do.
    type: list
    elements: str
    required: true
  enabled:
    description: Whether the units start at boot. Left as it is unless given.
    type: bool
  state:
    description: Whether they run now.
    type: str
    choices: [started, stopped]
    required: true
attributes:
  action:
    support: full
    description: Decides on the controller which units the host has to change.
  check_mode:
    support: full
    description: Says which units would change.
  diff_mode:
    support: none
    description: RV(services) names what changed.
  idempotent:
    support: full
    description: Changes nothing where the units are as asked for.
seealso:
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Enable and start the exporters
  farol.vps.services:
    name: [prometheus-node-exporter, prometheus-redis-exporter]
    enabled: true
    state: started
"""

RETURN = r"""
services:
  description: The units that changed, or would in check mode.
  type: list
  elements: str
  returned: success
  sample: [prometheus-node-exporter]
"""
