"""Write how long each task took, and what the hosts counted, to the file that DURATIONS_FILE names."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "durations"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.starts: list[tuple[str, float]] = []

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.starts.append((task.get_name(), time.monotonic()))

    def v2_playbook_on_handler_task_start(self, task):
        self.v2_playbook_on_task_start(task, False)

    def v2_playbook_on_stats(self, stats):
        # A task lasts until the next one starts, so that what lies between them is counted too.
        ends = [start for _name, start in self.starts[1:]] + [time.monotonic()]
        tasks = [(name, end - start) for (name, start), end in zip(self.starts, ends, strict=True)]
        hosts = [stats.summarize(host) for host in stats.processed]
        counts = {key: sum(host[key] for host in hosts) for key in ("ok", "changed", "skipped")}
        with open(os.environ["DURATIONS_FILE"], "w", encoding="utf-8") as stream:
            json.dump({"tasks": tasks, **counts}, stream)
