#!/usr/bin/env python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables of docs/hardening.md from the hardening role's catalogue of rules.

With --check it writes nothing, says what is wrong with the catalogue or the page, and exits 1.
The tables stand between two marks in the page; the rest is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._hardening_rules import LEVELS, LISTS, MAPS
from ansible_collections.farol.vps.plugins.plugin_utils._options import check_value

ROOT = Path(__file__).resolve().parent.parent
ROLE = ROOT / "roles" / "hardening"
PAGE = ROOT / "docs" / "hardening.md"
START = "<!-- The tables are made by tools/rule_docs.py: edit roles/hardening/vars/main/rules_*.yml. -->"
END = "<!-- End of the tables. -->"
HEADER = "| rule | setting | why | source | can break |\n|---|---|---|---|---|"

TEXT = {"type": "str", "required": True}
RULE = {
    "name": TEXT,
    "level": {**TEXT, "choices": LEVELS},
    "does": TEXT,
    "why": TEXT,
    "source": {"type": "list", "elements": "str", "required": True},
    "breaks": TEXT,
    "needs": {"type": "str", "choices": ["kernel"]},
    **{key: {"type": "dict"} for key in MAPS},
    **{key: {"type": "list", "elements": "str"} for key in LISTS},
    "lines": {
        "type": "list",
        "elements": "dict",
        "options": {"path": TEXT, "regexp": TEXT, "line": TEXT, "before": {"type": "str"}},
    },
}


def catalogue() -> list[dict[str, Any]]:
    paths = sorted((ROLE / "vars" / "main").glob("rules_*.yml"))
    return [
        rule
        for path in paths
        for rules in yaml.safe_load(path.read_text()).values()
        for rule in rules
    ]


def faults(rules: Sequence[Mapping[str, Any]], role: Path = ROLE) -> list[str]:
    """One line for each fault: a wrong field, a name used twice, a file the role has not."""
    found = []
    names: set[str] = set()
    for rule in rules:
        name = rule.get("name", "?")
        found += check_value(rule, {"type": "dict", "options": RULE, "required": True}, name)
        if name in names:
            found.append(f"{name}: there is another rule of this name")
        names.add(name)
        for file in rule.get("files", []):
            if not any(role.glob(f"templates/*/{file}*")):
                found.append(f"{name}: the role has no template for {file}")
    return found


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def row(rule: Mapping[str, Any]) -> str:
    sysctl = ", ".join(f"`{key}={value}`" for key, value in rule.get("sysctl", {}).items())
    does = f"{rule['does']} {sysctl}".strip()
    columns = [f"`{rule['name']}`", does, rule["why"], ", ".join(rule["source"]), rule["breaks"]]
    return "| " + " | ".join(cell(column) for column in columns) + " |"


def tables(rules: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for level in LEVELS:
        rows = [row(rule) for rule in rules if rule["level"] == level]
        if rows:
            parts.append("\n".join([f"### {level.capitalize()}", "", HEADER, *rows]))
    return "\n\n".join(parts)


def page(text: str, rules: Sequence[Mapping[str, Any]]) -> str:
    before, _mark, rest = text.partition(START)
    _tables, _mark, after = rest.partition(END)
    return f"{before}{START}\n\n{tables(rules)}\n\n{END}{after}"


def main(argv: list[str]) -> int:
    rules = catalogue()
    failures = faults(rules)
    if not failures:
        text = PAGE.read_text()
        wanted = page(text, rules)
        if "--check" not in argv:
            PAGE.write_text(wanted)
        elif text != wanted:
            failures.append(f"{PAGE}: differs from the catalogue; run tools/rule_docs.py")
    for failure in failures:
        print(failure, file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
