"""The runbook's own commands, each as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ONLY = "noble"
RUNBOOK = Path(__file__).parents[3] / "docs/runbooks/restore.md"
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def moment(place):
    place.backed_up("main", "shop", "uploads")
    place.sql("insert into rows (note) values ('for the runbook')")
    found = place.sql(
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'"
    )
    place.sql("insert into rows (note) values ('after it')")
    place.archived()
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_it_does_what_it_says(place, moment, command):
    program, playbook, *arguments = shlex.split(
        command.replace("MOMENT", moment).replace("db1", place.name)
    )
    assert program == "ansible-playbook"
    done = place.lab.playbook(playbook, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    if "at=" in command:
        assert (
            place.sql(
                "select string_agg(note, ',') from rows where note in ('for the runbook', 'after it')"
            )
            == "for the runbook"
        )


def test_there_are_commands():
    assert len(COMMANDS) >= 6
