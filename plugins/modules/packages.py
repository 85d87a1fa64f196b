#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install or remove packages, and ask apt only where it has something to do
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Asks C(dpkg-query) for all packages at once. Where each of them is as asked for, that is all. M(ansible.builtin.apt), which reads
    the lists of all packages for as much as a second, is run where one differs.
  - Installs without recommended packages, and updates lists that are older than a day.
  - Waits five minutes for apt's lock, which a new host's own upgrade may hold, and names who holds it longer.
options:
  name:
    description: Packages. One with a version, a release or a pattern is always left to apt. An empty list is nothing to do.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) installs what is missing, V(absent) removes what is there.
      - V(latest) has apt update its lists and upgrade the packages.
    type: str
    choices: [absent, latest, present]
    default: present
attributes:
  action:
    support: full
    description: Decides on the controller whether the host has to run apt.
  check_mode:
    support: full
    description: Says what would be installed or removed.
  diff_mode:
    support: full
    description: Shows what apt shows.
  idempotent:
    support: full
    description: Changes nothing where the packages are as asked for.
seealso:
  - module: ansible.builtin.apt
"""

EXAMPLES = r"""
- name: Install the server
  farol.vps.packages:
    name: [nginx-light, certbot]
"""

RETURN = r"""
stdout:
  description: What apt printed.
  type: str
  returned: when apt ran
stderr:
  description: What apt complained of.
  type: str
  returned: when apt ran
"""
