# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: blackbox_modules
short_description: The modules of the blackbox exporter
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Gives the modules that P(farol.vps.probe_configs#filter) names, and C(http_2xx) and C(tcp_connect) for probes of one's own.
extends_documentation_fragment: farol.vps.watched_hosts
positional: _input
options:
  ca_file:
    description: File of the certificate authority to trust, in place of the system's.
    type: path
  timeout:
    description: Seconds that an answer may take.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Write the exporter's configuration
  ansible.builtin.copy:
    dest: /tmp/blackbox.yml
    content: "{{ {'modules': hosts | farol.vps.blackbox_modules} | to_nice_yaml }}"
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The modules by their names.
  type: dict
  sample:
    tcp_connect: {prober: tcp, timeout: 5s}
"""

from ansible_collections.farol.vps.plugins.plugin_utils import _monitoring_probes as _probes


def blackbox_modules(hosts, ca_file=None, timeout=_probes.TIMEOUT):
    return _probes.blackbox_modules(_probes.probe_targets(hosts), ca_file, timeout)


class FilterModule:
    def filters(self):
        return {"blackbox_modules": blackbox_modules}
