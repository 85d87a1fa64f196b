# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""awx/ as a whole: shape, references, and what playbooks/awx.yml refuses before it changes anything."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml
from awx_objects import VALUES, apply, playbooks
from dateutil.rrule import rrulestr

SCHEMA = yaml.safe_load((Path(__file__).parent / "schema.yml").read_text())
# AWX's own, which every installation has.
CREDENTIAL_TYPES = {"Machine", "Vault", "Source Control"}
# Not for a job: these configure AWX from outside, or write files beside the inventory or into a repository, which are gone with
# the job's container.
NO_TEMPLATE = {"awx.yml", "provision.yml", "runbooks.yml", "scaffold.yml"}


def names(objects, kind):
    return [item["name"] for item in objects[kind]]


def test_everything_has_the_shape_that_awx_takes(objects):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(objects)] == []


@pytest.mark.parametrize("kind", SCHEMA["properties"])
def test_names_are_unique(objects, kind):
    assert sorted(set(names(objects, kind))) == sorted(names(objects, kind))


def test_nothing_is_left_to_fill_in(objects):
    """Braces of Ansible's are gone; AWX's own stand in injectors and messages alone."""
    for kind, items in objects.items():
        for item in items:
            rest = {
                key: value for key, value in item.items() if key not in ("injectors", "messages")
            }
            assert "{{" not in str(rest), f"{kind}: {item['name']}"


@pytest.mark.parametrize(
    ("kind", "key", "target"),
    [
        ("controller_projects", "organization", "aap_organizations"),
        ("controller_projects", "default_environment", "controller_execution_environments"),
        ("controller_projects", "credential", "controller_credentials"),
        ("controller_inventories", "organization", "aap_organizations"),
        ("controller_inventory_sources", "inventory", "controller_inventories"),
        ("controller_inventory_sources", "source_project", "controller_projects"),
        (
            "controller_inventory_sources",
            "execution_environment",
            "controller_execution_environments",
        ),
        ("controller_inventory_sources", "credential", "controller_credentials"),
        ("controller_credentials", "organization", "aap_organizations"),
        ("controller_notifications", "organization", "aap_organizations"),
        ("controller_templates", "organization", "aap_organizations"),
        ("controller_templates", "project", "controller_projects"),
        ("controller_templates", "inventory", "controller_inventories"),
        ("controller_templates", "execution_environment", "controller_execution_environments"),
        ("controller_templates", "credentials", "controller_credentials"),
        ("controller_templates", "notification_templates_success", "controller_notifications"),
        ("controller_templates", "notification_templates_error", "controller_notifications"),
        ("controller_workflows", "organization", "aap_organizations"),
        ("controller_workflows", "notification_templates_approvals", "controller_notifications"),
        ("controller_schedules", "organization", "aap_organizations"),
    ],
)
def test_references_resolve(objects, kind, key, target):
    found = [item[key] for item in objects[kind] if key in item]
    used = {name for value in found for name in ([value] if isinstance(value, str) else value)}
    assert used, f"nothing of {kind} has a {key}; the test would prove nothing"
    assert used <= set(names(objects, target))


def test_every_playbook_has_a_job_template(objects):
    covered = {Path(item["playbook"]).name for item in objects["controller_templates"]}
    assert covered == set(playbooks()) - NO_TEMPLATE


def test_credentials_fit_their_types(objects):
    types = {item["name"]: item["inputs"] for item in objects["controller_credential_types"]}
    for credential in objects["controller_credentials"]:
        if credential["credential_type"] in CREDENTIAL_TYPES:
            continue
        inputs = types[credential["credential_type"]]
        assert set(credential["inputs"]) <= {field["id"] for field in inputs["fields"]}
        assert set(inputs["required"]) <= set(credential["inputs"])


def test_jobs_do_not_get_the_key_of_the_repository(objects):
    assert all("farol git" not in item["credentials"] for item in objects["controller_templates"])


def test_schedules_begin_and_repeat(objects):
    templates = {item["name"]: item for item in objects["controller_templates"]}
    for schedule in objects["controller_schedules"]:
        rule = rrulestr(schedule["rrule"].replace(" ", "\n"))
        first, second = rule[0], rule[1]
        assert first < second
        if template := templates.get(schedule["unified_job_template"]):
            assert_prompts(template, schedule)
        else:
            assert schedule["unified_job_template"] in names(objects, "controller_projects")


def assert_prompts(template, node):
    """AWX ignores what a node or a schedule says where the template does not ask for it."""
    for key in ("inventory", "limit", "job_type", "diff_mode"):
        if key in node:
            assert template.get(f"ask_{key}_on_launch"), (
                f"{template['name']} does not ask for {key}"
            )
    spec = template.get("survey_spec", {}).get("spec", [])
    assert set(node.get("extra_data", {})) <= {question["variable"] for question in spec}


def test_scheduled_jobs_have_every_answer(objects):
    templates = {item["name"]: item for item in objects["controller_templates"]}
    for schedule in objects["controller_schedules"]:
        spec = (
            templates.get(schedule["unified_job_template"], {})
            .get("survey_spec", {})
            .get("spec", [])
        )
        needed = {item["variable"] for item in spec if item["required"] and "default" not in item}
        assert needed <= set(schedule.get("extra_data", {}))


def test_workflows_lead_from_one_node_to_all_others(objects):
    templates = {item["name"]: item for item in objects["controller_templates"]}
    for workflow in objects["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        assert len(nodes) == len(workflow["simplified_workflow_nodes"])
        links = {
            name: [
                *node.get("success_nodes", []),
                *node.get("failure_nodes", []),
                *node.get("always_nodes", []),
            ]
            for name, node in nodes.items()
        }
        targets = {name for followers in links.values() for name in followers}
        assert targets <= set(nodes)
        starts = set(nodes) - targets
        assert len(starts) == 1, f"{workflow['name']} starts at {starts}"
        reached: set[str] = set()
        front = starts
        while front:
            reached |= front
            front = {name for node in front for name in links[node]} - reached
        assert reached == set(nodes)
        for node in nodes.values():
            if "unified_job_template" in node:
                template = templates[node["unified_job_template"]]
                assert_prompts(template, node)
                assert_answered(workflow, template, node)


def assert_answered(workflow, template, node):
    given = {question["variable"] for question in workflow.get("survey_spec", {}).get("spec", [])}
    for question in template.get("survey_spec", {}).get("spec", []):
        if question["required"] and "default" not in question:
            assert question["variable"] in given | set(node.get("extra_data", {}))


def test_production_comes_after_an_approval(objects):
    for workflow in objects["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        for node in nodes.values():
            changes = (
                node.get("inventory") == "farol production" and node.get("job_type") != "check"
            )
            if changes and node["unified_job_template"] in ("farol deploy", "farol site"):
                before = [
                    it for it in nodes.values() if node["identifier"] in it.get("success_nodes", [])
                ]
                assert before and all("approval_node" in it for it in before)


def test_credentials_that_nobody_wants_are_not_made(tmp_path):
    wanted = {**VALUES, "farol_awx_credentials": ["farol ssh"], "farol_awx_notifications": []}
    wanted = {key: value for key, value in wanted.items() if not key.startswith("vault_")}
    run, written = apply(tmp_path, wanted)
    assert run.returncode == 0, run.stdout
    made = yaml.safe_load(written.read_text())
    assert names(made, "controller_credentials") == ["farol ssh"]
    assert made["controller_notifications"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vault_slack_token": None}, "vault_slack_token is missing"),
        ({"aap_token": None}, "aap_token is missing"),
        ({"farol_awx_credentials": ["farol shh"]}, "there is no farol shh"),
        ({"farol_awx_notifications": ["farol s3"]}, "there is no farol s3"),
    ],
)
def test_what_is_missing_is_named_before_anything_changes(tmp_path, change, message):
    values = {key: value for key, value in {**VALUES, **change}.items() if value is not None}
    run, written = apply(tmp_path, values)
    assert run.returncode == 2
    assert message in " ".join(run.stdout.split())
    assert not written.exists()
