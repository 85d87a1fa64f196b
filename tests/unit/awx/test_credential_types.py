# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Injectors, filled in as AWX does it: strictly, in a sandbox, with the inputs of the credential alone."""

from __future__ import annotations

import json
import re

import pytest
from awx_objects import PROJECT
from jinja2 import StrictUndefined
from jinja2.exceptions import UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

# AWX keeps these to itself.
AWX_ENV = {
    "VIRTUAL_ENV",
    "PATH",
    "PYTHONPATH",
    "JOB_ID",
    "INVENTORY_ID",
    "AWX_HOST",
    "PROJECT_REVISION",
}
SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined)


def render(text, values):
    return SANDBOX.from_string(text).render(values)


def injected(kind):
    return {
        (where, name): text
        for where in ("env", "extra_vars", "file")
        for name, text in kind["injectors"].get(where, {}).items()
    }


def test_injectors_render_from_the_required_inputs(objects):
    for kind in objects["controller_credential_types"]:
        fields = {field["id"]: field for field in kind["inputs"]["fields"]}
        values = {name: f"<{name}>" for name in kind["inputs"]["required"]}
        values |= {name: field["default"] for name, field in fields.items() if "default" in field}
        for (where, name), text in injected(kind).items():
            assert render(text, values).strip("<>"), f"{kind['name']}: {where}.{name} is empty"


def test_every_input_is_injected(objects):
    for kind in objects["controller_credential_types"]:
        used = set(re.findall(r"{{ *(\w+)", json.dumps(kind["injectors"])))
        assert used == {field["id"] for field in kind["inputs"]["fields"]}, kind["name"]


def test_an_injector_with_an_unknown_input_would_be_noticed():
    with pytest.raises(UndefinedError):
        render("{{ tokn }}", {"token": "t"})


def test_secrets_are_marked(objects):
    for kind in objects["controller_credential_types"]:
        for field in kind["inputs"]["fields"]:
            if re.search("token|secret|password|encryption", field["id"]):
                assert field.get("secret") is True, f"{kind['name']}: {field['id']}"


def test_no_two_credentials_give_the_same_variable(objects):
    given = [key for kind in objects["controller_credential_types"] for key in injected(kind)]
    assert sorted(set(given)) == sorted(given)
    assert not {name for where, name in given if where == "env"} & AWX_ENV


def test_variables_of_the_example_inventory_are_given_by_the_same_name(objects):
    """The registry, Slack and the rest of the example's comments work with a credential in place of the vault."""
    given = {
        name for kind in objects["controller_credential_types"] for _where, name in injected(kind)
    }
    example = (PROJECT / "inventories/example/group_vars/all/main.yml").read_text()
    wanted = set(re.findall(r"\bvault_\w+", example)) - {"vault_postgres_password"}
    assert wanted and wanted <= given


def test_messages_are_json_whatever_a_job_is_called(objects):
    values = {
        "job": {"name": "farol site", "id": 7, "status": "failed"},
        **{"url": "https://awx/#/jobs/7", "workflow_url": "https://awx/#/workflows/8"},
        "approval_node_name": "Release to production",
    }
    for notification in objects["controller_notifications"]:
        messages = dict(notification["messages"])
        bodies = [*messages.pop("workflow_approval").values(), *messages.values()]
        assert len(bodies) == 7
        for body in bodies:
            assert json.loads(render(body["body"], values))["text"]
