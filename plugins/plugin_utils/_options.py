# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check values against the options of an argument spec, and say where each fault is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

# The values reach templates as they are, never converted: the string "false" would be true
# there, and the float 1.10 would become the tag 1.1. These types are therefore taken literally.
LITERAL = {
    "bool": (bool,),
    "dict": (Mapping,),
    "list": (list, tuple),
    "path": (str,),
    "str": (str, int),
}
YAML_NAMES = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    Mapping: "dict",
    (list, tuple): "list",
    type(None): "nothing",
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    match = get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]}?" if match else ""


def check_options(
    values: Mapping[str, Any], options: Mapping[str, Any], path: str = ""
) -> list[str]:
    """One line for each key that is unknown, missing or wrong, its path first."""
    prefix = f"{path}." if path else ""
    faults = [
        f"{prefix}{name}: missing"
        for name, option in options.items()
        if option.get("required") and name not in values
    ]
    for name, value in values.items():
        if name not in options:
            faults.append(f"{prefix}{name}: unknown{did_you_mean(str(name), options)}")
        else:
            faults += check_value(value, options[name], f"{prefix}{name}")
    return faults


def check_value(value: Any, option: Mapping[str, Any], path: str) -> list[str]:
    kind = option.get("type", "str")
    unset = value is None and not option.get("required") and "default" not in option
    if unset or kind == "raw":
        return []
    if fault := _wrong_type(value, kind):
        return [f"{path}: {fault}"]
    if kind == "list":
        element = {**option, "type": option.get("elements", "raw"), "required": True}
        return [
            fault
            for index, item in enumerate(value)
            for fault in check_value(item, element, f"{path}[{index}]")
        ]
    if kind == "dict":
        return check_options(value, option["options"], path) if "options" in option else []
    choices = option.get("choices")
    if choices and value not in choices:
        return [f"{path}: {value} is none of {', '.join(map(str, choices))}"]
    return []


def _wrong_type(value: Any, kind: str) -> str:
    """What is wrong with the type, in words that never show the value: it may be a secret."""
    expected = kind == "bool" if isinstance(value, bool) else value is not None
    if expected and isinstance(value, LITERAL.get(kind, object)) and _converts(value, kind):
        return ""
    got = next((name for cls, name in YAML_NAMES.items() if isinstance(value, cls)), "object")
    hint = {
        ("bool", "str"): "; write true or false, without quotes",
        ("str", "bool"): "; put it in quotes",
        ("str", "float"): "; put it in quotes",
    }
    return f"expected {kind}, got {got}{hint.get((kind, got), '')}"


def _converts(value: Any, kind: str) -> bool:
    result = ArgumentSpecValidator({"value": {"type": kind}}).validate({"value": value})
    return not result.error_messages
