# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All rules of a monitoring host, as the files that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils import (
    _monitoring_rules_apps as _apps,
)
from ansible_collections.farol.vps.plugins.plugin_utils import (
    _monitoring_rules_data as _data,
)
from ansible_collections.farol.vps.plugins.plugin_utils import (
    _monitoring_rules_hosts as _hosts,
)
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_rules import Rules, Source
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_slo import slo_groups

GROUPS: dict[str, Source] = {
    "visitors": _apps.visitors,
    "certificates": _apps.certificates,
    "containers": _apps.containers,
    "queues": _apps.queues,
    "postgresql": _data.postgresql,
    "redis": _data.redis,
    "backups": _data.backups,
    "disks": _hosts.disks,
    "load": _hosts.load,
    "system": _hosts.system,
    "watching": _hosts.watching,
}


def rule_files(
    hosts: Sequence[Mapping[str, Any]], settings: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Content of each file, by its name without an extension.

    C(settings) may have C(thresholds), C(prometheus) (the installed version) and C(runbook_url).
    """
    given = settings or {}
    rules = Rules(
        hosts, given.get("thresholds"), given.get("prometheus") or "2.31", given.get("runbook_url")
    )
    groups = [rules.group(name, source(rules)) for name, source in GROUPS.items()]
    return {
        "alerts": {"groups": [group for group in groups if group["rules"]]},
        "slo": {"groups": slo_groups(rules)},
    }
