"""The module as Ansible calls it."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.farol.vps.plugins.modules import config_lines


@pytest.fixture
def call(capsys):
    def run(*lines, **options):
        with patch_module_args({"lines": list(lines), **options}), pytest.raises(SystemExit):
            config_lines.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "login.defs"
    path.write_text("# UMASK is the mask\nUMASK 022\nUSERS yes\nUMASK 077\n")
    path.chmod(0o640)
    return path


def umask(file, **more):
    return {"path": str(file), "regexp": r"^UMASK\s", "line": "UMASK 027", **more}


def test_the_last_line_is_replaced_and_the_others_go(call, file):
    assert call(umask(file))["files"] == [str(file)]
    assert file.read_text() == "# UMASK is the mask\nUSERS yes\nUMASK 027\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_second_run_changes_nothing(call, file):
    call(umask(file))
    answer = call(umask(file))
    assert not answer["changed"] and answer["diff"] == []


def test_check_mode_shows_what_it_would_write(call, file):
    text = file.read_text()
    answer = call(umask(file), _ansible_check_mode=True)
    assert answer["changed"] and file.read_text() == text
    assert answer["diff"][0]["after"].endswith("UMASK 027\n")


def test_a_new_line_goes_to_its_place_or_to_the_end(call, file):
    first = {"path": str(file), "regexp": "^NEW", "line": "NEW 1", "before": "^USERS"}
    last = {"path": str(file), "regexp": "^END", "line": "END 1", "before": "^NOWHERE"}
    call(first, last)
    lines = file.read_text().splitlines()
    assert lines.index("NEW 1") == lines.index("USERS yes") - 1
    assert lines[-1] == "END 1"


def test_two_lines_of_one_file_are_one_change(call, file):
    answer = call(umask(file), {"path": str(file), "regexp": "^USERS", "line": "USERS no"})
    assert answer["files"] == [str(file)] and len(answer["diff"]) == 1
    assert "USERS no" in file.read_text() and "UMASK 027" in file.read_text()


def test_a_file_that_is_not_there_is_named_and_not_made(call, tmp_path):
    answer = call(umask(tmp_path / "absent"))
    assert answer["missing"] == [str(tmp_path / "absent")] and not answer["changed"]
    assert not (tmp_path / "absent").exists()


def test_a_line_that_its_own_pattern_misses_is_refused(call, file):
    answer = call(umask(file, line="umask 027"))
    assert answer["failed"] and "does not match" in answer["msg"]
    assert "UMASK 022" in file.read_text()


@pytest.mark.parametrize("option", ["regexp", "before"])
def test_what_is_no_expression_is_named(call, file, option):
    said = call(umask(file, **{option: "("}))["msg"]
    assert said.startswith(f"{file}: {option}: '(' is no regular expression: missing )")
