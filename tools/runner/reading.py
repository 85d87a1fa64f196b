# SPDX-License-Identifier: GPL-3.0-or-later
"""What the log of a stage tells: pytest's, Ansible's, Molecule's, make's.

Each function takes the whole log's lines, without colours (see `plain`), and returns short lines for the table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
BEGUN = re.compile(r"\[\S+ > (\w+)\] Executing$")
DONE = re.compile(r"\[\S+ > (\w+)\] Executed: (\w+)")
COUNTS = re.compile(r"^(?:=+ )?((?:\d+ (?:passed|failed|errors?|skipped|rerun)(?:, )?)+)")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*)")
RERUN = re.compile(r"^RERUN (\S+)")
RETRY = re.compile(r"^lab: (?:.*): again in \d+ s")
LONGEST = 200


def plain(text: str) -> str:
    return COLOURS.sub("", text).rstrip()


def error(lines: Sequence[str]) -> list[str]:
    """At most four lines: which test or task failed, and why."""
    for find in (_test, _idempotence, _task, _sanity, _make):
        if found := find(lines):
            return [line.strip()[:LONGEST] for line in found]
    return ["it printed nothing"]


def notes(lines: Sequence[str]) -> list[str]:
    """How many tests passed, which only at their second try, and how often the lab tried again."""
    found = [match[1].rstrip(", ") for line in lines if (match := COUNTS.match(line))][-1:]
    flaky = sorted({match[1] for line in lines if (match := RERUN.match(line))})
    if flaky:
        found.append(f"flaky: {', '.join(flaky)}")
    retries = sum(bool(RETRY.match(line)) for line in lines)
    return [*found, f"{retries} retries"] if retries else found


def _test(lines: Sequence[str]) -> list[str]:
    failed = [match[1] for line in lines if (match := FAILED.match(line))]
    # Named once where it failed and once in the summary, by another path.
    named = {line.partition(" - ")[0].rpartition("/")[2]: line for line in reversed(failed)}
    failed = [line for name, line in reversed(named.items()) if "::" in name or ".py" in name]
    if not failed:
        return []
    reasons = [line for line in lines if re.match(r"E +\S", line)][:2]
    more = [f"and {len(failed) - 1} more"] if len(failed) > 1 else []
    return [failed[0], *reasons, *more]


def _idempotence(lines: Sequence[str]) -> list[str]:
    for number, line in enumerate(lines):
        if "Idempotence test failed" in line:
            tasks = [each for each in lines[number + 1 :] if each.startswith("*")]
            return ["a second run changed something", *tasks[:3]]
    return []


def _task(lines: Sequence[str]) -> list[str]:
    """The last task that failed; what a play ignored or rescued comes before it."""
    last = next((n for n in reversed(range(len(lines))) if lines[n].startswith("fatal: [")), -1)
    if last < 0:
        return []
    named = (lines[n] for n in reversed(range(last)) if lines[n].startswith("TASK ["))
    task = next(named, "a task without a name").rstrip("* ")
    return [task, lines[last].partition(" =>")[0], *_message(lines[last + 1 :])[:2]]


def _message(lines: Sequence[str]) -> list[str]:
    """The text at the key `msg`, which Ansible shows as YAML."""
    for number, line in enumerate(lines):
        if not line.startswith(" "):
            break
        if line.lstrip().startswith("msg:"):
            margin = line.partition("msg:")[0] + " "
            below = takewhile(lambda it, margin=margin: it.startswith(margin), lines[number + 1 :])
            return [*([] if line.endswith(("|-", ">-", "|", ">")) else [line]), *below]
    return []


def _sanity(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if re.match(r"ERROR: \S+:\d+:", line)][:4]


def _make(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line and not line.startswith("make")][-3:]
