# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree in a real play, over a real (local) connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.action import config_tree

ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
COLLECTIONS = Path(config_tree.__file__).parents[5]

PLAY = """
- hosts: localhost
  gather_facts: false
  roles: [web]
"""
TASKS = """
- name: Configure
  farol.vps.config_tree:
    name: web
    owner: "{uid}"
    group: "{gid}"
    dest: "{base}/host"
    state_dir: "{base}/var/state"
    rules: [{{path: etc/key, mode: "0600", secret: true}}]
    content: {{etc/key: "{{{{ password }}}}"}}
    validate: "{validate}"
    apply:
      - {{paths: ["etc/web*"], command: "touch {base}/applied", due: "{{{{ web_port | int != 80 }}}}"}}
      - {{paths: [etc/other], command: "touch {base}/not-applied"}}
  notify: Reload
"""


@pytest.fixture
def play(tmp_path):
    role = tmp_path / "roles/web"
    for folder in ("tasks", "handlers", "templates/tree/etc"):
        (role / folder).mkdir(parents=True)
    (tmp_path / "play.yml").write_text(PLAY)
    (role / "handlers/main.yml").write_text("- {name: Reload, debug: {msg: reloaded}}\n")
    (role / "templates/tree/etc/web.conf.j2").write_text("port {{ web_port }}\n")
    (role / "templates/tree/etc/big").write_bytes(os.urandom(300_000))

    def run(*arguments: str, validate: str = "true", extra: str = "", umask: int = -1) -> str:
        values = {"base": tmp_path, "uid": os.geteuid(), "gid": os.getegid(), "validate": validate}
        (role / "tasks/main.yml").write_text(TASKS.format(**values) + extra)
        done = subprocess.run(
            [ANSIBLE, "-e", "web_port=80 password=hunter2", "play.yml", *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
                "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
            },
            capture_output=True,
            text=True,
            check=False,
            umask=umask,
        )
        return done.stdout + done.stderr

    return run


def test_predict_apply_and_settle(play, tmp_path):
    assert "hunter2" not in play("--check", "--diff", "-vvvv").replace("password=hunter2", "")
    predicted = play("--check", "--diff")
    assert "+port 80" in predicted
    assert "content not shown: secret" in predicted
    assert "content not shown: binary" in predicted
    assert "hunter2" not in predicted
    assert not (tmp_path / "host").exists()
    assert not (tmp_path / "applied").exists()

    applied = play("--diff")
    assert "reloaded" in applied
    assert (tmp_path / "applied").exists()
    assert not (tmp_path / "not-applied").exists()
    assert applied.count("+++ after") == predicted.count("+++ after")
    assert (tmp_path / "host/etc/web.conf").read_text() == "port 80\n"
    assert (tmp_path / "host/etc/big").stat().st_size == 300_000

    settled = play("--diff")
    assert "changed=0" in settled
    assert "+++ after" not in settled


def test_what_is_above_the_state_directory_stays_open_to_others(play, tmp_path):
    play(umask=0o077)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "var/state").stat().st_mode & 0o777 == 0o700


def test_diff_false_is_honoured(play):
    assert "+port 80" not in play("--check", "--diff", extra="  diff: false\n")


def test_no_log_is_honoured(play):
    shown = play("--diff", "-vvv", extra="  no_log: true\n")
    assert "changed=2" in shown or "changed=1" in shown
    assert "port 80" not in shown


def test_a_failing_validator_and_a_failing_template(play, tmp_path):
    assert "failed with code 1" in play(validate="sh -c 'echo bad line >&2; exit 1'")
    assert not (tmp_path / "host").exists()
    (tmp_path / "roles/web/templates/tree/etc/web.conf.j2").write_text("a\nb {{ nope }}\n")
    shown = play()
    assert "roles/web/templates/tree/etc/web.conf.j2:2 cannot be rendered" in shown
    assert "'nope' is undefined" in shown
