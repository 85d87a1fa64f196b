# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What --diff shows of a change: attributes always, content unless secret, binary or huge."""

from __future__ import annotations

from ansible_collections.farol.vps.plugins.module_utils import _tree_host as host
from ansible_collections.farol.vps.plugins.module_utils._tree_plan import Change

LIMIT = 100 * 1024


def diff_of(change: Change) -> dict[str, str]:
    before, after = _describe_before(change), _describe_after(change)
    headers = {
        "before_header": f"{change.path} ({before})",
        "after_header": f"{change.path} ({after})",
    }
    old, new = _content_before(change), _content_after(change)
    if old == new:
        return {**headers, "before": before + "\n", "after": after + "\n"}
    reason = _hidden(change, old, new)
    if reason:
        names = f"--- before: {headers['before_header']}\n+++ after: {headers['after_header']}\n"
        return {"prepared": f"{names}content not shown: {reason}\n\n"}
    return {**headers, "before": old.decode(), "after": new.decode()}


def _describe_before(change: Change) -> str:
    found = change.before
    if found.kind == "absent":
        return "absent"
    if found.kind == "link":
        return f"link to {found.target}"
    owner, group = host.owner_name(found.uid), host.group_name(found.gid)
    return f"{found.kind} {found.mode:04o} {owner}:{group}"


def _describe_after(change: Change) -> str:
    entry = change.entry
    if entry is None:
        return "absent"
    if entry.kind == "link":
        return f"link to {entry.target}"
    owner = entry.owner if change.uid is None else host.owner_name(change.uid)
    group = entry.group if change.gid is None else host.group_name(change.gid)
    return f"{entry.kind} {entry.mode:04o} {owner}:{group}"


def _content_before(change: Change) -> bytes:
    if change.before.kind != "file" or change.what == "attributes":
        return b""
    return host.read(change.path)


def _content_after(change: Change) -> bytes:
    if change.entry is None or change.what == "attributes":
        return b""
    return change.entry.content


def _hidden(change: Change, old: bytes, new: bytes) -> str:
    if change.secret:
        return "secret"
    try:
        text = (old + new).decode()
    except UnicodeDecodeError:
        return "binary"
    if "\0" in text:
        return "binary"
    return f"longer than {LIMIT // 1024} KiB" if max(len(old), len(new)) > LIMIT else ""
