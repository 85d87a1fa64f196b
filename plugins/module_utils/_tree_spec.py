# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The public options of config_tree, shared by its action and its module."""

from __future__ import annotations

RULE = {
    "path": {"type": "str", "required": True},
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "secret": {"type": "bool", "no_log": False},
}

FOR_EACH = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "str", "required": True},
    "items": {"type": "list", "elements": "raw", "required": True},
}

APPLY = {
    "command": {"type": "str", "required": True},
    "paths": {"type": "list", "elements": "str", "default": ["*"]},
    "due": {"type": "bool", "default": False},
}

GUARD = {
    "paths": {"type": "list", "elements": "str", "default": ["*"]},
    "keep": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 60},
    "port": {"type": "int", "default": 0},
    "user": {"type": "str", "default": ""},
}

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "src": {"type": "str", "default": "tree"},
    "dest": {"type": "str", "default": "/"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "raw", "default": "0644"},
    "directory_mode": {"type": "raw", "default": "0755"},
    "rules": {"type": "list", "elements": "dict", "options": RULE, "default": []},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "for_each": {"type": "list", "elements": "dict", "options": FOR_EACH, "default": []},
    "content": {"type": "dict", "default": {}},
    "directories": {"type": "list", "elements": "str", "default": []},
    "links": {"type": "dict", "default": {}},
    "absent": {"type": "list", "elements": "str", "default": []},
    "validate": {"type": "raw", "default": []},
    "apply": {"type": "list", "elements": "dict", "options": APPLY, "default": []},
    "guard": {"type": "dict", "options": GUARD},
    "state_dir": {"type": "str", "default": "/var/lib/farol/config_tree"},
}
