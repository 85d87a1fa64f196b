# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._tree_model import TreeError
from ansible_collections.farol.vps.plugins.plugin_utils._tree_rules import Rules, parse_mode
from ansible_collections.farol.vps.plugins.plugin_utils._tree_source import Source

DEFAULTS = {
    "dest": "/",
    "exclude": [],
    "owner": "root",
    "group": "adm",
    "mode": "0644",
    "directory_mode": "0755",
    "rules": [],
}


def source(**options) -> Source:
    def render(template: str, dest: str, variables: dict) -> bytes:
        return f"{Path(template).name} for {dest} with {variables}".encode()

    return Source({**DEFAULTS, **options}, render, lambda path: Path(path).read_bytes())


def entries(made: Source) -> dict:
    return {entry.path: entry for entry in made.tree().entries}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "etc/app").mkdir(parents=True)
    (tmp_path / "etc/app/a.conf.j2").write_text("ignored")
    (tmp_path / "etc/app/b.bin").write_bytes(b"\xff\0{{ x }}")
    (tmp_path / "etc/app/current").symlink_to("a.conf")
    (tmp_path / "etc/dir").symlink_to("app")
    return str(tmp_path)


def test_a_folder_becomes_a_tree(folder):
    made = source(dest="/srv/")
    made.add_tree(folder)
    found = entries(made)
    assert list(found) == [
        "/srv",
        "/srv/etc",
        "/srv/etc/app",
        "/srv/etc/app/a.conf",
        "/srv/etc/app/b.bin",
        "/srv/etc/app/current",
        "/srv/etc/dir",
    ]
    assert found["/srv/etc/app/a.conf"].content == b"a.conf.j2 for /srv/etc/app/a.conf with {}"
    assert found["/srv/etc/app/b.bin"].content == b"\xff\0{{ x }}"
    assert (found["/srv/etc/app/current"].kind, found["/srv/etc/dir"].target) == ("link", "app")
    assert (found["/srv/etc"].kind, found["/srv/etc"].explicit) == ("directory", False)
    assert (found["/srv/etc"].mode, found["/srv/etc"].group) == (0o755, "adm")


def test_exclude(folder):
    made = source(exclude=["etc/app/a.*", "etc/d*"])
    made.add_tree(folder)
    assert [path for path, entry in entries(made).items() if entry.kind != "directory"] == [
        "/etc/app/b.bin",
        "/etc/app/current",
    ]


def test_for_each():
    made = source()
    made.add_for_each("/t/site.j2", "etc/{name}.conf", [{"name": "x"}, {"name": "y"}])
    made.add_for_each("/t/port.j2", "ports/{item}", [80])
    found = entries(made)
    assert found["/etc/x.conf"].content.endswith(b"with {'item': {'name': 'x'}}")
    assert found["/ports/80"].content == b"port.j2 for /ports/80 with {'item': 80}"


def test_for_each_names_the_missing_key():
    with pytest.raises(TreeError, match="dest 'etc/{name}' needs 'name', missing in an item"):
        source().add_for_each("/t/a.j2", "etc/{name}", [{"host": "x"}])


def test_literal_parts():
    made = source(rules=[{"path": "var/www*", "owner": "www", "mode": "0640"}])
    made.add_content({"etc/a": "é\n"})
    made.add_links({"etc/b": "a"})
    made.add_directories(["var/www/html"])
    made.add_absent(["etc/old"])
    found = entries(made)
    assert found["/etc/a"].content == "é\n".encode()
    assert found["/etc/b"].target == "a"
    html = found["/var/www/html"]
    assert (html.explicit, html.owner, html.mode) == (True, "www", 0o750)
    assert found["/var"].owner == "root"
    assert made.tree().absent == {"/etc/old": False}


def test_an_explicit_directory_stays_explicit_with_files_in_it():
    made = source()
    made.add_content({"a/b": ""})
    made.add_directories(["a"])
    assert entries(made)["/a"].explicit


def test_rules_do_not_reach_above_dest():
    made = source(dest="/opt/apps/x", rules=[{"path": "*", "mode": "0600"}])
    made.add_content({"a/b": ""})
    modes = {path: oct(entry.mode) for path, entry in entries(made).items()}
    assert modes == {
        "/opt": "0o755",
        "/opt/apps": "0o755",
        "/opt/apps/x": "0o700",
        "/opt/apps/x/a": "0o700",
        "/opt/apps/x/a/b": "0o600",
    }


def test_content_has_to_be_text():
    with pytest.raises(TreeError, match="content: etc/a has to be text"):
        source().add_content({"etc/a": {"x": 1}})


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "", "."])
def test_paths_stay_below_dest(path):
    with pytest.raises(TreeError, match="has to be a path below dest"):
        source().add_directories([path])


def test_dest_is_absolute():
    with pytest.raises(TreeError, match="dest: 'etc' has to be absolute"):
        source(dest="etc")


def test_contradictions_name_both_sides():
    made = source()
    made.add_content({"a": "x"})
    with pytest.raises(TreeError, match="a comes from content and from links. Drop one"):
        made.add_links({"a": "x"})
    with pytest.raises(TreeError, match="absent: a is wanted by content"):
        made.add_absent(["a"])
    made.add_links({"a/b": "x"})
    with pytest.raises(TreeError, match="/a comes as a file from content, but links needs it as"):
        made.tree()


def test_later_rules_override_what_they_set():
    rules = Rules(
        {
            **DEFAULTS,
            "rules": [
                {"path": "etc/*", "mode": "0600", "owner": "a", "secret": True},
                {"path": "etc/x/*", "mode": "0440", "owner": None, "secret": None},
            ],
        }
    )
    assert rules.attributes("etc/x/y") == {
        "owner": "a",
        "group": "adm",
        "mode": 0o440,
        "secret": True,
    }
    assert rules.attributes("etc/x/y", directory=True)["mode"] == 0o550
    assert rules.attributes("var") == {
        "owner": "root",
        "group": "adm",
        "mode": 0o644,
        "secret": False,
    }


@pytest.mark.parametrize("mode", ["644 ", "u=rw", "0o644", "0999", 644, None, "64444"])
def test_modes_are_quoted_octal(mode):
    with pytest.raises(TreeError, match='rules: x: .* is no file mode. .* in quotes: "0644"'):
        parse_mode(mode, "rules: x")


def test_modes():
    assert (parse_mode("0644", "mode"), parse_mode("2750", "mode")) == (0o644, 0o2750)
