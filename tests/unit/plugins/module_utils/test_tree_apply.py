# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands that take files over: real ones, which leave their name in a log."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._tree_apply import Apply
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, TreeError
from ansible_collections.farol.vps.plugins.module_utils._tree_run import Run, run

OWN = {"owner": str(os.geteuid()), "group": str(os.getegid())}


def execute(command: str) -> tuple[int, str, str]:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Host:
    def __init__(self, base: Path):
        self.root, self.state, self.log = base / "root", base / "state", base / "log"
        self.root.mkdir()
        self.manifest = self.state / "demo.json"

    def command(self, word: str) -> str:
        """Logs `word`, and fails while a file of that name exists."""
        script = f"test ! -e {self.log}-{word} || {{ echo no {word} >&2; exit 3; }}"
        return f"sh -c '{script}; echo {word} >> {self.log}'"

    def breaks(self, word: str) -> Path:
        mark = Path(f"{self.log}-{word}")
        mark.touch()
        return mark

    def on(self, word: str, *paths: str, due: bool = False) -> Apply:
        return Apply(self.command(word), list(paths) or ["*"], due)

    def run(self, files: dict, *apply: Apply, **options) -> dict:
        entries = [
            Entry(str(self.root / path), "file", content=text, **OWN)
            for path, text in files.items()
        ]
        options |= {"apply": list(apply), "dest": str(self.root)}
        return run(Run("demo", Tree(entries), str(self.state), execute, **options))

    def applied(self) -> list[str]:
        """What ran since the last question."""
        words = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return words

    def due(self) -> dict:
        return json.loads(self.manifest.read_text())["due"]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_in_order_and_each_once(host):
    entries = [host.on("z", "a"), host.on("y", "b"), host.on("z", "b"), host.on("x", "a", "b")]
    result = host.run({"a": b"1", "b": b"1"}, *entries)
    assert host.applied() == ["z", "y", "x"]
    assert result["applied"] == [host.command(word) for word in "zyx"]
    assert host.due() == {}
    assert not host.run({"a": b"1", "b": b"1"}, *entries)["changed"]
    assert host.applied() == []


def test_only_what_matches(host):
    entries = [host.on("ssh", "etc/ssh/*"), host.on("jail", "etc/jail"), host.on("all")]
    (host.root / "etc/ssh").mkdir(parents=True)
    host.run({"etc/ssh/x": b"1", "etc/jail": b"1"}, *entries)
    assert host.applied() == ["ssh", "jail", "all"]
    host.run({"etc/ssh/x": b"2", "etc/jail": b"1"}, *entries)
    assert host.applied() == ["ssh", "all"]


def test_a_removed_file_is_due(host):
    entries = [host.on("a", "a"), host.on("b", "b")]
    host.run({"a": b"1", "b": b"1"}, *entries)
    host.applied()
    assert host.run({"b": b"1"}, *entries)["applied"] == [host.command("a")]
    assert host.applied() == ["a"]


def test_nothing_is_applied_before_validation_succeeds(host):
    with pytest.raises(TreeError, match="validate: "):
        host.run({"a": b"1"}, host.on("a"), validate=["false"])
    assert host.applied() == []
    assert not host.manifest.exists()


def test_a_failure_is_applied_by_the_next_run(host):
    entries = [host.on("one"), host.on("two"), host.on("three")]
    mended = host.breaks("two")
    with pytest.raises(TreeError) as caught:
        host.run({"a": b"1"}, *entries)
    shown = str(caught.value)
    assert shown.startswith("apply: ")
    assert "failed with code 3: no two\nMend what it complains about" in shown
    assert "The files are written and valid; the next run applies " in shown
    assert host.command("one") not in shown
    assert repr(host.command("three")) in shown
    details = caught.value.details
    assert details["changed"]
    assert details["applied"] == [host.command("one")]
    assert (details["cmd"], details["rc"]) == (host.command("two"), 3)
    assert (host.root / "a").read_bytes() == b"1"
    assert host.due() == {host.command(word): [str(host.root / "a")] for word in ("two", "three")}
    assert host.applied() == ["one"]

    with pytest.raises(TreeError):
        host.run({"a": b"1"}, *entries)
    assert host.applied() == []

    mended.unlink()
    result = host.run({"a": b"1"}, *entries)
    assert result["changed"]
    assert result["files"] == []
    assert host.applied() == ["two", "three"]
    assert not host.run({"a": b"1"}, *entries)["changed"]


def test_what_is_left_is_validated_again(host):
    host.breaks("a")
    with pytest.raises(TreeError, match="apply: "):
        host.run({"a": b"1"}, host.on("a"))
    with pytest.raises(TreeError, match="validate: "):
        host.run({"a": b"1"}, host.on("a"), validate=["false"])
    assert host.due() == {host.command("a"): [str(host.root / "a")]}


def test_a_command_that_is_not_there(host):
    with pytest.raises(TreeError, match="apply: cannot run 'no-such-command .*The files are writ"):
        host.run({"a": b"1"}, Apply("no-such-command --now"))
    assert host.due() == {"no-such-command --now": [str(host.root / "a")]}


def test_a_corrected_command_inherits_what_it_matches(host):
    for word in ("wrong", "gone"):
        host.breaks(word)
    with pytest.raises(TreeError):
        host.run({"a": b"1", "b": b"1"}, host.on("wrong", "a"), host.on("gone", "b"))
    assert host.run({"a": b"1", "b": b"1"}, host.on("right", "a"))["changed"]
    assert host.applied() == ["right"]
    assert host.due() == {}


def test_a_removed_entry_is_forgotten(host):
    host.breaks("a")
    with pytest.raises(TreeError):
        host.run({"a": b"1"}, host.on("a"))
    assert not host.run({"a": b"1"})["changed"]
    assert host.due() == {}


def test_an_entry_that_is_off_is_forgotten_like_one_that_was_removed(host):
    host.breaks("a")
    with pytest.raises(TreeError):
        host.run({"a": b"1"}, host.on("a"))
    assert not host.run({"a": b"1"}, Apply(host.command("a"), []))["changed"]
    assert host.due() == {}


def test_due_runs_without_a_change_and_until_it_succeeds(host):
    host.run({"a": b"1"}, host.on("a", "nothing"))
    assert host.applied() == []
    assert host.run({"a": b"1"}, host.on("a", "nothing", due=True))["changed"]
    assert host.applied() == ["a"]
    host.breaks("a")
    with pytest.raises(TreeError):
        host.run({"a": b"1"}, host.on("a", "nothing", due=True))
    Path(f"{host.log}-a").unlink()
    host.run({"a": b"1"}, host.on("a", "nothing"))
    assert host.applied() == ["a"]


def test_due_outlives_a_failed_validation(host):
    with pytest.raises(TreeError, match="validate: "):
        host.run({"a": b"1"}, host.on("a", "x", due=True), validate=["false"])
    assert not (host.root / "a").exists()
    host.run({}, host.on("a", "x"))
    assert host.applied() == ["a"]


def test_check_mode_predicts_and_runs_nothing(host):
    entries = [host.on("a", "a"), host.on("b", "b"), host.on("c", "x", due=True)]
    predicted = host.run({"a": b"1"}, *entries, check=True)
    assert predicted["changed"]
    assert predicted["applied"] == [host.command("a"), host.command("c")]
    assert host.applied() == []
    assert not host.state.exists()
    assert host.run({"a": b"1"}, *entries)["applied"] == predicted["applied"]

    host.breaks("a")
    with pytest.raises(TreeError):
        host.run({"a": b"2"}, entries[0])
    before = host.manifest.read_bytes()
    predicted = host.run({"a": b"2"}, entries[0], check=True)
    assert (predicted["changed"], predicted["applied"]) == (True, [host.command("a")])
    assert host.manifest.read_bytes() == before


def test_a_manifest_of_before_there_was_apply(host):
    host.run({"a": b"1"})
    manifest = json.loads(host.manifest.read_text())
    del manifest["due"]
    host.manifest.write_text(json.dumps(manifest))
    assert not host.run({"a": b"1"}, host.on("a"))["changed"]
    assert host.applied() == []
    assert host.due() == {}
