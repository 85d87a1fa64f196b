# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What playbooks/awx.yml would write into AWX, and what the playbooks say of their variables."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[3]
LISTS = [
    "aap_organizations",
    "controller_credential_types",
    "controller_credentials",
    "controller_execution_environments",
    "controller_inventories",
    "controller_inventory_sources",
    "controller_notifications",
    "controller_projects",
    "controller_schedules",
    "controller_templates",
    "controller_workflows",
]
# One of everything, so that nothing declared goes untested.
VALUES = {
    "aap_hostname": "https://awx.example.com",
    "aap_token": "token",
    "farol_awx_credentials": [
        *("farol ssh", "farol vault", "farol git", "farol s3", "farol sentry"),
        *("farol registry", "farol slack", "farol telegram", "farol digitalocean"),
    ],
    "farol_awx_notifications": ["farol slack", "farol telegram"],
    **{
        name: f"value of {name}"
        for name in (
            *("farol_awx_ssh_key", "farol_awx_vault_password", "farol_awx_git_key"),
            *("farol_awx_sentry_organization", "vault_sentry_token", "vault_digitalocean_token"),
            *("vault_spaces_key", "vault_spaces_secret", "vault_backup_password"),
            *("vault_registry_server", "vault_registry_username", "vault_registry_token"),
            *("vault_slack_token", "vault_telegram_token", "vault_telegram_chat_id"),
        )
    },
}


def apply(folder: Path, values: dict[str, Any]) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run playbooks/awx.yml with a dispatch role that writes what it is given to a file, in place of AWX."""
    collections = folder / "collections"
    role = collections / "ansible_collections/infra/aap_configuration/roles/dispatch/tasks"
    role.mkdir(parents=True)
    written = folder / "written.json"
    (role / "main.yml").write_text(
        yaml.safe_dump(
            [
                {
                    "ansible.builtin.copy": {
                        "content": "{{ dict(names | zip(query('vars', *names))) | to_json }}",
                        "dest": str(written),
                    },
                    "vars": {"names": LISTS},
                }
            ]
        )
    )
    (folder / "values.json").write_text(json.dumps(values))
    run = subprocess.run(
        [
            "ansible-playbook",
            "-i",
            "localhost,",
            "-e",
            f"@{folder}/values.json",
            "playbooks/awx.yml",
        ],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run, written


def for_awx(value: Any) -> Any:
    """As infra.aap_configuration passes it on: what AWX is to fill in has lost the space in its braces."""
    return json.loads(json.dumps(value).replace("{  {", "{{").replace("{  %", "{%"))


@dataclass(frozen=True)
class Documented:
    """A variable in the comment at the head of a playbook, such as ``-e out=true|false``."""

    name: str
    example: str

    @property
    def type(self) -> str:
        if set(self.example.split("|")) <= {"true", "false"}:
            return "bool"
        return "int" if self.example.isdigit() else "str"


def playbooks() -> list[str]:
    return sorted(path.name for path in (PROJECT / "playbooks").glob("*.yml"))


def head(playbook: str) -> str:
    lines = (PROJECT / "playbooks" / playbook).read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("#"))


def documented(playbook: str) -> dict[str, Documented]:
    found = re.findall(r"-e (\w+)=([^\s\];,]*)", head(playbook))
    return {name: Documented(name, example) for name, example in found}


def body(playbook: str) -> str:
    """The playbook with what it imports and the tasks and values of roles that it names, without comments."""
    text = (PROJECT / "playbooks" / playbook).read_text()
    parts = re.findall(r"(?:import|include)_(?:playbook|tasks): (\S+)", text)
    files = [text, *((PROJECT / "playbooks" / part).read_text() for part in parts)]
    for role, tasks in re.findall(r"name: farol\.vps\.(\w+)\n +tasks_from: (\w+)", text):
        folder = PROJECT / "roles" / role
        used = [folder / f"tasks/{tasks}.yml", *folder.glob("vars/main.yml")]
        files += [path.read_text() for path in used]
    lines = [line for file in files for line in file.splitlines()]
    return "\n".join(line for line in lines if not re.match(r" *#", line))


def role_options() -> dict[str, dict[str, Any]]:
    """The options of all roles by name, as their specs describe them."""
    specs = sorted(PROJECT.glob("roles/*/meta/argument_specs.yml"))
    mains = [yaml.safe_load(spec.read_text())["argument_specs"]["main"] for spec in specs]
    return {name: option for main in mains for name, option in main.get("options", {}).items()}
