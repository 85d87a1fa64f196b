# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dashboards that Grafana takes as they are, and that ask for nothing that nobody measures."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import dashboards
import jsonschema
import prometheus_tools
import pytest
import yaml
from ansible_collections.farol.vps.plugins.module_utils import _backup_metrics
from ansible_collections.farol.vps.plugins.plugin_utils._monitoring_files import rule_files

ROLES = dashboards.PROJECT / "roles"
PROVISIONING = ROLES / "monitoring/templates/grafana/etc/grafana/provisioning"
PROGRAMS = ROLES / "telemetry/templates/tree/usr/local/lib/farol"
NAMES = ("alerts", "apps", "backups", "containers", "host", "postgresql", "redis", "slo")
# A host that has everything, so that all rules are there.
FLEET = [
    {
        "host": "a",
        "backup": True,
        "redis": [{"name": "q", "port": 6379, "queues": [{"key": "jobs"}]}],
        "apps": [
            {
                "name": "api",
                "slo": {"availability": 99.9, "latency": {"seconds": 1, "share": 95}},
            }
        ],
    }
]
# What the rules don't use. All of it is in the exporters of Debian 12; that of Ubuntu 22.04 does not know the size of databases.
EXPORTERS = """
node_boot_time_seconds node_disk_read_bytes_total node_disk_written_bytes_total
node_network_receive_bytes_total node_network_transmit_bytes_total
nginx_connections_active nginx_connections_reading nginx_connections_writing nginx_connections_waiting
probe_duration_seconds
pg_database_size_bytes
pg_stat_database_blks_hit pg_stat_database_blks_read pg_stat_database_deadlocks pg_stat_database_temp_bytes
pg_stat_database_tup_deleted pg_stat_database_tup_fetched pg_stat_database_tup_inserted pg_stat_database_tup_updated
pg_stat_database_xact_commit pg_stat_database_xact_rollback
redis_blocked_clients redis_commands_processed_total redis_db_keys redis_expired_keys_total redis_keyspace_hits_total
redis_keyspace_misses_total redis_uptime_in_seconds
ALERTS alertmanager_notifications_total prometheus_tsdb_head_series prometheus_tsdb_storage_blocks_bytes
"""
TARGET = {
    "type": "object",
    "additionalProperties": False,
    "required": ["refId", "expr", "legendFormat"],
    "properties": {
        "refId": {"pattern": "^[A-Z]$"},
        "expr": {"type": "string", "minLength": 1},
        "legendFormat": {"type": "string"},
        "instant": {"const": True},
        "format": {"const": "table"},
    },
}
SOURCE = {"const": {"type": "prometheus", "uid": "farol-prometheus"}}
PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos", "datasource", "fieldConfig", "targets"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["bargauge", "stat", "table", "timeseries"]},
        "title": {"type": "string", "minLength": 1},
        "datasource": SOURCE,
        "gridPos": {
            "type": "object",
            "required": ["x", "y", "w", "h"],
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 200},
        },
        "fieldConfig": {
            "type": "object",
            "required": ["defaults", "overrides"],
            "properties": {"defaults": {"type": "object", "required": ["unit"]}},
        },
        "targets": {"type": "array", "minItems": 1, "items": TARGET},
    },
}
VARIABLE = {
    "type": "object",
    "required": ["name", "type", "datasource", "query", "refresh", "includeAll", "allValue"],
    "properties": {
        "name": {"enum": ["app", "host"]},
        "type": {"const": "query"},
        "datasource": SOURCE,
        "query": {"type": "object", "required": ["query", "refId"]},
    },
}
BOARD = {
    "type": "object",
    # Grafana gives the number; one in the file collides with another dashboard's.
    "not": {"required": ["id"]},
    "required": ["uid", "title", "tags", "schemaVersion", "panels", "templating", "annotations"],
    "properties": {
        "uid": {"pattern": "^farol-[a-z]{3,30}$"},
        "title": {"type": "string", "minLength": 1},
        "schemaVersion": {"type": "integer", "minimum": 36, "maximum": 42},
        "panels": {"type": "array", "minItems": 1, "items": PANEL},
        "templating": {"properties": {"list": {"type": "array", "items": VARIABLE}}},
    },
}
# Names of metrics: words of a query that are neither a function, a label, a keyword nor a variable.
STRINGS = re.compile(r'"[^"]*"')
CLAUSES = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)")
MATCHERS = re.compile(r"\{[^}]*\}|\[[^\]]*\]")
WORD = re.compile(r"(?<![\w.])[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w|\s*\()")
KEYWORDS = {"and", "or", "unless", "offset", "bool", "by", "on", "ignoring", "sum", "avg", "max"}


def metrics(expression: str) -> set[str]:
    for pattern in (STRINGS, CLAUSES, MATCHERS):
        expression = pattern.sub(" ", expression)
    words = re.sub(r"offset\s+\w+", " ", expression)
    return set(WORD.findall(words)) - KEYWORDS


def collected() -> set[str]:
    """What programs of this collection measure, as their sources say."""
    found = set(re.findall(r'"(farol_\w+)"', (PROGRAMS / "container-metrics").read_text()))
    found |= set(re.findall(r'"(farol_\w+)"', (PROGRAMS / "host-metrics").read_text()))
    pooler = (PROGRAMS / "pgbouncer-metrics").read_text()
    found |= {f"pgbouncer_pools_{name}" for name in re.findall(r"\b\w+:(\w+)", pooler)}
    for table in (_backup_metrics.BACKUP, _backup_metrics.DRILL, _backup_metrics.ARCHIVE):
        found |= {name for name, _told, _key in table}
    program = (ROLES / "telemetry/templates/tree/etc/mtail/farol.mtail").read_text()
    found |= set(re.findall(r"^counter (\w+)", program, re.MULTILINE))
    for histogram in re.findall(r"^histogram (\w+)", program, re.MULTILINE):
        found |= {f"{histogram}_{end}" for end in ("bucket", "count", "sum")}
    return found


def ruled() -> set[str]:
    """What the rules look at, and what they record."""
    rules = [r for file in rule_files(FLEET).values() for g in file["groups"] for r in g["rules"]]
    found = {name for rule in rules for name in metrics(rule["expr"])}
    return found | {rule["record"] for rule in rules if "record" in rule}


@pytest.fixture(scope="module")
def known():
    return ruled() | collected() | set(EXPORTERS.split())


def test_there_is_one_for_each_part():
    assert tuple(path.stem for path in dashboards.FILES) == NAMES


def test_names_of_metrics_are_found_in_queries():
    text = (
        'sum by (host, app) (rate(a_total{x=~"b_c|d.*",y!="z"}[5m])) / on (host) group_left(q) e:f offset 1h'
        " and histogram_quantile(0.9, g_bucket) > 1e3 or time() - vector(1)"
    )
    assert metrics(text) == {"a_total", "e:f", "g_bucket"}


@pytest.mark.parametrize("path", dashboards.FILES, ids=lambda path: path.stem)
def test_grafana_takes_it_as_it_is(path: Path):
    board = dashboards.load(path)
    jsonschema.validate(board, BOARD)
    ids = [panel["id"] for panel in board["panels"]]
    titles = [(panel["title"], panel["type"]) for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
    # A template's text for the operator would be lost: it is Grafana that fills in {{host}}.
    assert not (path.parent / f"{path.name}.j2").exists()


@pytest.mark.parametrize("path", dashboards.FILES, ids=lambda path: path.stem)
def test_no_panel_covers_another(path: Path):
    boxes = [panel["gridPos"] for panel in dashboards.load(path)["panels"]]
    for box in boxes:
        assert box["x"] + box["w"] <= 24
    for a, b in combinations(boxes, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (a, b)


def test_no_two_have_the_same_uid_or_title():
    boards = [dashboards.load(path) for path in dashboards.FILES]
    for key in ("uid", "title"):
        assert len({board[key] for board in boards}) == len(boards)


def test_data_source_and_folder_are_those_that_are_provisioned():
    sources = yaml.safe_load((PROVISIONING / "datasources/farol.yaml").read_text())["datasources"]
    assert SOURCE["const"] in [{"type": s["type"], "uid": s["uid"]} for s in sources]
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/farol.yaml").read_text())["providers"]
    tree = PROVISIONING.parents[2]
    assert Path(f"{tree}{provider['options']['path']}") == dashboards.FOLDER


@pytest.mark.parametrize("path", dashboards.FILES, ids=lambda path: path.stem)
def test_a_variable_that_is_used_is_defined_and_the_other_way_round(path: Path):
    board = dashboards.load(path)
    asked = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
    used = {name for text in asked for name in re.findall(r"\$(host|app)\b", text)}
    assert used == {variable["name"] for variable in board["templating"]["list"]}
    notes = {
        n for each in board["annotations"]["list"] for n in re.findall(r"\$(\w+)", each["expr"])
    }
    assert notes <= used


def test_prometheus_understands_every_query(tmp_path):
    rules = [
        {"record": f"farol:panel:{number}", "expr": query, "labels": {"where": where}}
        for number, (where, query) in enumerate(dashboards.queries())
    ]
    assert len(rules) > 100
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    code, said = prometheus_tools.run("promtool", "check", "rules", path)
    assert code == 0, said


def test_every_query_has_an_answer_where_there_is_one(tmp_path):
    """Two series that match a third are an error that only shows with figures."""
    path = tmp_path / "trial.yml"
    path.write_text(yaml.safe_dump(dashboards.trial(dict(dashboards.queries())), width=10000))
    code, said = prometheus_tools.run("promtool", "test", "rules", path)
    assert code == 0, said


def test_what_may_be_without_an_answer_is_there():
    names = {where for where, _query in dashboards.queries()}
    for prefix, reason in dashboards.MAY_BE_EMPTY.items():
        assert [name for name in names if name.startswith(prefix)], prefix
        assert reason


def test_nothing_is_asked_for_that_nobody_measures(known):
    unknown = {
        where: names for where, query in dashboards.queries() if (names := metrics(query) - known)
    }
    assert unknown == {}


def test_variables_come_from_what_is_measured(known):
    for path in dashboards.FILES:
        for variable in dashboards.load(path)["templating"]["list"]:
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found and found[2] == variable["name"]
            assert metrics(found[1]) <= known


def test_the_list_of_exporters_has_nothing_that_no_panel_asks_for():
    asked = {name for _where, query in dashboards.queries() for name in metrics(query)}
    assert set(EXPORTERS.split()) - asked == set()
