# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load what the tasks of a run have in common once, before the first of them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preload
short_description: Load filters and tests once a run instead of once a task
description:
  - Ansible runs each task on each host in a process of its own, a copy of the one that reads the playbook. What a task
    loads is gone with its process, and one filter of a collection makes it load all filters of that collection.
  - This callback loads them in the process that is copied. It prints nothing. A run is the same without it, but takes longer;
    C(docs/design.md) says by how much.
type: aggregate
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
requirements:
  - C(farol.vps.preload) in C(callbacks_enabled) of C(ansible.cfg)
"""

import gc
from pkgutil import iter_modules

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import (
    action_loader,
    become_loader,
    connection_loader,
    filter_loader,
    shell_loader,
    test_loader,
)
from ansible_collections.farol.vps.plugins import action

# Any one filter of a collection brings the others, as Ansible loads them.
FILTERS = ("default", "farol.vps.networks", "community.general.keep_keys")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "farol.vps.preload"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        test_loader.get("defined")
        for name in FILTERS:
            filter_loader.get(name)
        for module in iter_modules(action.__path__):
            action_loader.get(f"farol.vps.{module.name}", class_only=True)
        for loader, name in (
            (connection_loader, "ssh"),
            (shell_loader, "sh"),
            (become_loader, "sudo"),
        ):
            loader.get(name, class_only=True)
        # What is frozen stays shared: no copy's garbage collector walks over it and writes to its pages.
        gc.collect()
        gc.freeze()
