# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _tree_host as host
from ansible_collections.farol.vps.plugins.module_utils._tree_model import Entry, Tree, pack, unpack


def test_ancestors():
    assert host.ancestors("/etc/nginx/nginx.conf") == ["/etc", "/etc/nginx"]
    assert host.ancestors("/etc") == []


def test_look(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("abc")
    assert host.look(str(tmp_path / "pipe")).kind == "special file"
    assert host.look(str(tmp_path / "file")).size == 3
    assert host.look(str(tmp_path / "none")) == host.ABSENT
    assert host.look(str(tmp_path / "file/below")) == host.ABSENT


def test_read_follows_no_link(tmp_path):
    (tmp_path / "a").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        host.read(str(tmp_path / "a"))


def test_names_and_numbers():
    assert host.uid_of("root") == host.uid_of("0") == 0
    assert host.gid_of("root") == host.gid_of("0") == 0
    assert host.uid_of("nobody-here") is None
    assert host.gid_of("nobody-here") is None
    assert (host.owner_name(0), host.group_name(0)) == ("root", "root")
    assert (host.owner_name(54321), host.group_name(54321)) == ("54321", "54321")


def test_the_payload_survives_any_bytes_and_shows_nothing():
    tree = Tree([Entry("/a", "file", content=b"hunter2" + bytes(range(256)))], {"/b": True})
    payload = pack(tree)
    assert unpack(payload) == tree
    assert "hunter2" not in payload
