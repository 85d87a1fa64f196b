# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that watches and is down keeps nobody from releasing."""

from __future__ import annotations

import json

import pytest
from project_commands import PROJECT, run

INVENTORY = """
web-1 ansible_connection=local
[monitoring]
watch ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh
"""
PLAY = """
- hosts: web-1
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: {parts}/{part}.yml
    - ansible.builtin.debug: {{msg: it goes on}}
"""


@pytest.mark.parametrize(
    ("part", "before", "said"),
    [
        ("silence", {}, "watch was not silenced, so alerts on web-1 may come"),
        ("end_silence", {"farol_silence": {"rc": 0, "stdout": "id"}}, "watch stays silent about"),
    ],
)
def test_it_is_told_and_the_release_goes_on(tmp_path, part, before, said):
    (tmp_path / "hosts").write_text(INVENTORY)
    play = PLAY.format(parts=PROJECT / "playbooks/parts", part=part)
    (tmp_path / "play.yml").write_text(play)
    done = run(
        "ansible-playbook",
        "-i",
        tmp_path / "hosts",
        tmp_path / "play.yml",
        "-e",
        json.dumps(before),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split()) and "it goes on" in done.stdout
