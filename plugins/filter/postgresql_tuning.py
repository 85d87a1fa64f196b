# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: postgresql_tuning
short_description: Settings of PostgreSQL for a host's memory and cores
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Follows the shares of PGTune's profile for web applications, a quarter of the memory for shared buffers among them.
  - The memory is rounded down to 64 MB, so that a new kernel, which counts a little differently, changes nothing.
positional: _input
options:
  _input:
    description: Memory that PostgreSQL may take, in MB, 256 at the least.
    type: int
    required: true
  cores:
    description: Processors of the host.
    type: int
    required: true
  max_connections:
    description: Connections that the server takes.
    type: int
    required: true
  version:
    description: Major version.
    type: int
    required: true
  storage:
    description: What the data lies on.
    type: str
    choices: [ssd, hdd]
    default: ssd
"""

EXAMPLES = r"""
- name: Show what 2 GB and 2 cores make
  ansible.builtin.debug:
    msg: "{{ 2048 | farol.vps.postgresql_tuning(cores=2, max_connections=100, version=16) }}"
"""

RETURN = r"""
_value:
  description: The settings.
  type: dict
  sample: {shared_buffers: 512MB, work_mem: 4854kB}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_tuning import tuning


def postgresql_tuning(memory_mb, cores, max_connections, version, storage="ssd"):
    try:
        return tuning(int(memory_mb), int(cores), int(max_connections), int(version), storage)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self):
        return {"postgresql_tuning": postgresql_tuning}
