"""The table of releases as an operator reads it, and a followed application with secrets from a vault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.filter import app_follow
from ansible_collections.farol.vps.plugins.filter.app_selected import app_selected
from ansible_collections.farol.vps.plugins.filter.app_singletons import app_singletons
from ansible_collections.farol.vps.plugins.filter.releases_table import releases_table

ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
COLLECTIONS = Path(app_follow.__file__).parents[5]


def entry(number, **more):
    return {
        "time": f"2026-11-24T10:0{number}:00Z",
        "action": "release",
        "release": f"1.{number}-a",
        "outcome": "released",
        **more,
    }


def info(*log, **more):
    nothing = {"serving": None, "colour": "blue", "canary": None, "maintenance": False}
    return {**nothing, "held": None, "kept": [], "log": list(log), **more}


LOG = [
    entry(0, by="ana", steps=[{"step": "pull", "seconds": 12.25}], reason=None),
    entry(1, by="bo", previous="1.0-a", outcome="failed", reason="x" * 100, steps=None),
    entry(2, release=None, action="rollback", outcome="canary ended"),
]
GOLDEN = """\
serves 1.0-a (green); a canary gets 0 % of the clients; kept: 1.0-a
time                  action    release  before  seconds  outcome                                                                 by
2026-11-24T10:02:00Z  rollback                       0.0  canary ended
2026-11-24T10:01:00Z  release   1.1-a    1.0-a       0.0  failed: {reason}…  bo
2026-11-24T10:00:00Z  release   1.0-a               12.2  released                                                                ana"""


def test_the_table_is_aligned_and_a_long_reason_is_cut():
    found = releases_table(
        info(*LOG, serving="1.0-a", colour="green", canary=0, kept=[{"release": "1.0-a"}])
    )
    assert found == GOLDEN.format(reason="x" * 61)


@pytest.mark.parametrize(("last", "shown"), [(0, []), (1, ["1.2-a"]), (2, ["1.2-a", "1.1-a"])])
def test_so_many_of_the_last_are_shown(last, shown):
    table = releases_table(info(entry(0), entry(1), entry(2)), last)
    assert [line.split()[2] for line in table.splitlines()[2:]] == shown


def test_a_selection_of_none_is_told():
    with pytest.raises(Exception, match="there is no application api in apps, which has none"):
        app_selected([], "api")


def test_a_version_that_looks_like_a_number_is_text():
    assert app_selected([{"name": "api", "version": "1"}], version=1.5)[0]["version"] == "1.5"


def test_what_no_host_of_the_inventory_has_runs_where_it_is_asked():
    app = {"name": "api", "services": {"cron": {"singleton": True}, "plain": None}}
    assert app_singletons(app, "a", ["a", "b"], {"a": {"apps": None}, "b": {}})


PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    password: hunter2
    apps:
      - name: api
        domain: api.example.com
        image: acme/api
        version: latest
        port: 8000
        follow: true
        secrets: {{TOKEN: {vaulted}, OTHER: "{{{{ password }}}}"}}
  tasks:
    - ansible.builtin.copy:
        dest: "{path}"
        content: "{{{{ (apps | farol.vps.app_follow({{}}, inventory_hostname, groups['all'], hostvars)).values() | first }}}}"
        mode: "0600"
"""


def test_secrets_out_of_a_vault_reach_the_host_as_text(tmp_path):
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(tmp_path / "vault"),
        "ANSIBLE_NOCOLOR": "1",
    }
    (tmp_path / "vault").write_text("of the vault\n")
    vaulted = subprocess.run(
        [ANSIBLE.with_name("ansible-vault"), "encrypt_string", "s3cret-token"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("\n", "\n" + " " * 10)
    play = PLAY.format(vaulted="VAULTED", path=tmp_path / "api.json")
    secrets = f"secrets:\n          OTHER: '{{{{ password }}}}'\n          TOKEN: {vaulted}\n"
    start, end = play.index("secrets:"), play.index("  tasks:")
    (tmp_path / "play.yml").write_text(play[:start] + secrets + play[end:])
    done = subprocess.run(
        [ANSIBLE, "-i", "localhost,", "-c", "local", "play.yml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads((tmp_path / "api.json").read_text())
    assert written["secrets"]["app"] == {"TOKEN": "s3cret-token", "OTHER": "hunter2"}
