# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters of the monitoring role as its templates use them: what one names, another has."""

from __future__ import annotations

import prometheus_tools
import yaml
from ansible.plugins.filter.core import to_nice_yaml
from ansible_collections.farol.vps.plugins.filter import (
    alert_rules,
    alertmanager_config,
    alertmanager_secrets,
    blackbox_modules,
    monitoring_faults,
    probe_configs,
    scrape_configs,
)

HOSTS = [
    {
        "name": "web1",
        "host": "web1",
        "local": True,
        "address": "10.0.0.1",
        "exporters": ["node", "nginx", "mtail", "postgres", "redis"],
        "redis": [{"name": "queue", "port": 6379, "queues": [{"key": "celery", "length": 50}]}],
        "probe_address": "203.0.113.5",
        "apps": [
            {
                "name": "api",
                "domain": "api.example.com",
                "metrics": "/metrics",
                "slo": {"availability": 99.9},
            }
        ],
    }
]


NOTIFY = {"slack_webhook_url": "https://slack.example/x"}


def call(plugin, *args, **options):
    name = plugin.__name__.rpartition(".")[2]
    return plugin.FilterModule().filters()[name](*args, **options)


def test_prometheus_takes_targets_and_probes_together(tmp_path):
    configs = call(scrape_configs, HOSTS) + call(probe_configs, HOSTS)
    assert len({config["job_name"] for config in configs}) == len(configs) == 9
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": configs}))
    code, said = prometheus_tools.run("promtool", "check", "config", path)
    assert code == 0, said


def test_every_module_that_a_probe_names_exists():
    probes = call(probe_configs, HOSTS, extra=[{"name": "x", "tcp": "x:1"}])
    named = {probe["params"]["module"][0] for probe in probes}
    assert named == {"http_200_api_example_com", "tcp_connect"}
    assert named <= set(call(blackbox_modules, HOSTS))


def test_yaml_of_the_rules_as_a_template_writes_it_is_what_promtool_reads(tmp_path):
    for name, content in call(alert_rules, HOSTS, {"prometheus": "2.45.3"}).items():
        path = tmp_path / f"{name}.yml"
        path.write_text(to_nice_yaml(content, width=1000, sort_keys=False))
        assert "&id" not in path.read_text()
        code, said = prometheus_tools.run("promtool", "check", "rules", path)
        assert code == 0, said


def test_without_objectives_there_are_no_rules_of_them():
    assert call(alert_rules, [{**HOSTS[0], "apps": []}])["slo"] == {"groups": []}


def test_a_page_of_ones_own_runbooks():
    rules = call(alert_rules, HOSTS, {"runbook_url": "https://wiki/x"})
    first = rules["alerts"]["groups"][0]["rules"][0]
    assert first["annotations"]["runbook_url"] == "https://wiki/x#errorrate"


def test_there_is_a_file_for_the_path_that_alertmanager_is_told_of():
    text = str(call(alertmanager_config, NOTIFY, "0.26.0"))
    assert call(alertmanager_secrets, NOTIFY, "0.26.0") == {"slack_url": "https://slack.example/x"}
    assert "/etc/prometheus/farol/secrets/slack_url" in text
    assert "https://slack.example" not in text


def test_no_faults():
    assert call(monitoring_faults, HOSTS, settings=NOTIFY) == []
