# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the filters of the role monitoring take of the hosts."""

    DOCUMENTATION = r"""
options:
  _input:
    description:
      - The hosts, as P(farol.vps.telemetry_hosts#filter) gives them, each with C(name) (in the inventory), C(host) (the label),
        C(address) and C(port) of its endpoint, C(local) (whether it is the monitoring host itself), C(certificate) of its endpoint,
        C(exporters), C(redis) (instances with C(name), C(port), C(queues) and C(maxclients)) and C(apps).
      - C(probe_address) is where its sites are probed, when not by the DNS; C(backup) whether its backups must be known.
    type: list
    elements: dict
    required: true
"""
