"""A second run sends what the first has built, and nothing that was built from other sources."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.farol.vps.plugins.callback import module_cache
from project_commands import run

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
    - farol.vps.config_lines: {lines: [{path: "{{ playbook_dir }}/other", regexp: ^one, line: one}]}
"""


@pytest.fixture
def built(tmp_path):
    """How many modules a run builds, which does the same each time."""
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "home").mkdir()

    def play(callbacks: str = "farol.vps.module_cache", **environment: str) -> int:
        ran = run(
            *("ansible-playbook", "--inventory", "localhost,", "--connection", "local"),
            tmp_path / "play.yml",
            ANSIBLE_CALLBACKS_ENABLED=callbacks,
            ANSIBLE_HOME=str(tmp_path / "home"),
            ANSIBLE_DEBUG="1",
            **environment,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.count("ANSIBALLZ: Creating module")

    return play


def test_a_second_run_builds_nothing(built):
    first = built()
    assert first >= 2
    assert built() == 0
    assert built("minimal") == first, "without the callback"


@pytest.mark.parametrize("folder", ["farol-modules", "farol-modules/*"])
def test_what_others_can_write_to_is_not_run(built, tmp_path, folder):
    first = built()
    (open_to_others,) = (tmp_path / "home").glob(folder)
    open_to_others.chmod(0o770)
    assert built() == first


def test_module_utils_of_the_configuration_are_not_passed_over(built, tmp_path):
    first = built()
    (tmp_path / "utils").mkdir()
    assert built(ANSIBLE_MODULE_UTILS=str(tmp_path / "utils")) == first


@pytest.mark.parametrize("where", [".", "roles/own"])
def test_module_utils_beside_a_playbook_or_in_its_role_are_not_passed_over(built, tmp_path, where):
    play = tmp_path / "play.yml"
    (tmp_path / "roles/own/tasks").mkdir(parents=True)
    play.write_text(PLAY.replace("  tasks:", "  roles: [own]\n  tasks:"))
    first = built()
    assert built() == 0
    (tmp_path / where / "module_utils").mkdir()
    assert built() == first


def test_what_was_not_used_for_a_month_goes(built, tmp_path):
    built()
    home = tmp_path / "home/farol-modules"
    (kept,) = home.iterdir()
    for days, name in ((31, "old"), (29, "newer")):
        (home / name).mkdir()
        then = time.time() - days * 24 * 3600
        os.utime(home / name, (then, then))
    built()
    assert {path.name for path in home.iterdir()} == {kept.name, "newer"}


@pytest.mark.parametrize("change", ["write", "touch", "add", "remove"])
def test_any_change_of_a_source_is_another_digest(tmp_path, change):
    source = tmp_path / "sub/one.py"
    source.parent.mkdir()
    source.write_text("1")
    (tmp_path / "two.py").write_text("2")
    before = module_cache.digest([str(tmp_path)])
    assert module_cache.digest([str(tmp_path)]) == before
    match change:
        case "write":
            source.write_text("11")
        case "touch":
            os.utime(source)
        case "add":
            (tmp_path / "sub/three.py").write_text("3")
        case "remove":
            source.unlink()
    assert module_cache.digest([str(tmp_path)]) != before


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("ansible.modules.command-ZIP_DEFLATED-none", True),
        ("ansible_collections.farol.vps.plugins.modules.packages-ZIP_DEFLATED-none", True),
        ("ansible.modules.command-ZIP_DEFLATED-AnsiballZ~coverage", False),
        ("ansible.modules.command-ZIP_DEFLATED-none.lock", False),
        ("ansible.modules.command-ZIP_DEFLATED-none-part", False),
        ("ansible.legacy.command-ZIP_DEFLATED-none", False),  # of a folder beside a playbook
        ("ansible_collections.hetzner.hcloud.plugins.modules.server-ZIP_DEFLATED-none", False),
    ],
)
def test_only_what_the_digest_covers_is_kept(name, kept):
    assert bool(module_cache.KEPT.fullmatch(name)) is kept
