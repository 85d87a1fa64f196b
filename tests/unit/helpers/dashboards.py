# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dashboards of Grafana and what their panels ask Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[3]
FOLDER = PROJECT / "roles/monitoring/templates/grafana/etc/farol/dashboards"
FILES = sorted(FOLDER.glob("*.json"))
# What Grafana puts in for all hosts and applications, and for a screen of six hours.
VARIABLES = {"$host": ".*", "$app": ".*", "$__rate_interval": "1m"}
# Which queries a host on which all is well has no answer to, by how their names begin, and why.
MAY_BE_EMPTY = {
    "alerts: On now": "nothing is wrong",
    "alerts: Alerts": "nothing is wrong",
    "alerts: About to fire": "nothing is wrong",
    "alerts: Targets that do not answer, A": "all of them answer",
    "backups: ": "only with the role backup, and after the first backup and drill",
    "containers: Ended for lack of memory": "none has",
    "containers: Memory, of its limit": "only of containers with a limit",
    "host: Addresses that fail2ban bans": "only with fail2ban",
    "host: Units that failed": "none has",
    "host: Waits for a reboot for": "it does not",
    "postgresql: Replica": "only with a replica",
    "postgresql: Size of databases": "the exporter of Ubuntu 22.04 does not know it",
    "redis: Found": "nobody asks for keys",
    "redis: Memory, B": "only with a limit",
    "redis: Queues": "only with queues in telemetry_redis_instances",
    "slo: ": "only of applications with objectives",
}
VARIABLE = re.compile(r"\$\w+")


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def filled(expression: str) -> str:
    """The expression as Prometheus is asked it. Raises KeyError for a variable that there is not."""
    return VARIABLE.sub(lambda found: VARIABLES[found[0]], expression)


def queries() -> Iterator[tuple[str, str]]:
    """Where each query is, such as "redis: Clients, B" or "redis: Deploys", and the query."""
    for path in FILES:
        board = load(path)
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}, {target['refId']}", filled(target["expr"])
        for each in board["annotations"]["list"]:
            yield f"{path.stem}: {each['name']}", filled(each["expr"])


def unanswered(answered: Callable[[str], bool]) -> list[str]:
    """The queries without an answer, but those that may be without one. C(answered) asks a Prometheus."""
    return [
        where
        for where, query in queries()
        if not where.endswith(": Deploys")
        and not where.startswith(tuple(MAY_BE_EMPTY))
        and not answered(query)
    ]


def trial(asked: dict[str, str]) -> dict[str, Any]:
    """A file for C(promtool test rules) that fails for each of these questions that a host with everything has no answer to."""
    series = yaml.safe_load((PROJECT / "tests/unit/dashboards/series.yml").read_text())
    return {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"count({question}) > bool 0",
                        "eval_time": "73m30s",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for where, question in asked.items()
                ],
            }
        ],
    }
