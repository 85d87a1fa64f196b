# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which rules of the hardening catalogue hold on a host, and what they ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

LEVELS = ("baseline", "strict", "paranoid")

LISTS = ("files", "packages", "without_packages", "services", "modules", "lines")
MAPS = ("sysctl", "modes", "mounts")

IMPOSSIBLE = "the kernel is not this host's own, since it is a container"


class RuleError(ValueError):
    """The catalogue or a waiver is wrong; the text says where."""


def choose(
    rules: Sequence[Mapping[str, Any]],
    level: str = "strict",
    waivers: Mapping[str, str] | None = None,
    in_container: bool = False,
) -> dict[str, Any]:
    """Sort the catalogue for one host.

    A rule holds from its own level upwards unless it is waived, or asks for a kernel of the
    host's own that a container does not have. Files of rules that do not hold are excluded unless
    a rule that holds has them too.
    """
    waivers = waivers or {}
    _check_waivers(rules, level, waivers)
    reach = LEVELS.index(level)
    chosen: dict[str, Any] = {"on": [], "waived": {}, "impossible": {}}
    chosen.update({key: [] for key in LISTS})
    chosen.update({key: {} for key in MAPS})
    others: list[str] = []
    for rule in rules:
        name = rule["name"]
        if LEVELS.index(rule["level"]) > reach:
            others += rule.get("files", [])
        elif name in waivers:
            chosen["waived"][name] = str(waivers[name])
            others += rule.get("files", [])
        elif in_container and rule.get("needs") == "kernel":
            chosen["impossible"][name] = IMPOSSIBLE
            others += rule.get("files", [])
        else:
            chosen["on"].append(name)
            for key in MAPS:
                chosen[key].update(rule.get(key, {}))
            for key in LISTS:
                chosen[key] += [value for value in rule.get(key, []) if value not in chosen[key]]
    chosen["exclude"] = sorted(set(others) - set(chosen["files"]))
    return chosen


def _check_waivers(rules: Sequence[Mapping], level: str, waivers: Mapping[str, Any]) -> None:
    if level not in LEVELS:
        raise RuleError(f"hardening level: {level} is none of {', '.join(LEVELS)}")
    names = [rule["name"] for rule in rules]
    for name, reason in waivers.items():
        if name not in names:
            raise RuleError(
                f"hardening waivers: no rule is called {name}{did_you_mean(name, names)}"
            )
        if not str(reason or "").strip():
            raise RuleError(f"hardening waivers: {name} needs a reason, which the report shows")
