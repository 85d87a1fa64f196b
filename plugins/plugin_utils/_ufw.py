# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of UFW as the lines of `ufw show added`, which are commands too: comparing lines tells what differs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.farol.vps.plugins.plugin_utils._firewall import networks

# The comment that begins with this marks a rule as made here.
OURS = " comment 'farol"
COMMENT = re.compile(r" comment '.*'$")
# A rule for every address is two, of which `ufw show added` prints one; the role's own question prints the other as well.
SIXTH = "IPv6 "
EVERYWHERE = re.compile(r"ufw [a-z]+ [0-9:]+/[a-z]+")
ACTION = re.compile(r"^ufw (route )?")


def ufw_rules(rules: Iterable[dict]) -> list[str]:
    """The line of each rule, one for each address that it is from."""
    lines = []
    for rule in rules:
        action = f"ufw {rule.get('action', 'allow')}"
        port, proto = rule["port"], rule.get("proto", "tcp")
        said = f"{OURS}: {rule['comment']}'" if rule.get("comment") else f"{OURS}'"
        sources = networks(rule.get("from") or [])
        lines += [
            f"{action} from {source} to any port {port} proto {proto}{said}" for source in sources
        ]
        if not sources:
            lines.append(f"{action} {port}/{proto}{said}")
    return lines


def ufw_changes(wanted: list[str], shown: list[str], remove_foreign: bool) -> dict[str, list[str]]:
    """The rules that were made by others and are not wanted, and the commands that lead to the wanted ones.

    What is missing comes first, SSH's rule before the others, and what goes comes last: a connection never loses its way in.
    """
    plain = [_plain(rule) for rule in wanted]
    rules = [line for line in shown if line.startswith("ufw ")]
    ours = {line for line in rules if OURS in line}
    obsolete = [_plain(rule) for rule in rules if rule in ours and _plain(rule) not in plain]
    foreign = [_plain(rule) for rule in rules if rule not in ours and _plain(rule) not in plain]
    # A rule that was made while UFW was without IPv6 has no other half until it is made again.
    both = {line.removeprefix(SIXTH) for line in shown if line.startswith(SIXTH)}
    half = {rule for rule in plain if EVERYWHERE.fullmatch(rule) and rule not in both}
    missing = [rule for rule in wanted if rule not in ours or _plain(rule) in half]
    leaving = obsolete + (foreign if remove_foreign else [])
    return {
        "foreign": foreign,
        "commands": missing + [ACTION.sub(r"ufw \1delete ", rule) for rule in leaving],
    }


def _plain(rule: str) -> str:
    return COMMENT.sub("", rule)
