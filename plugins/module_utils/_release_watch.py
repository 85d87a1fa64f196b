# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bake: the old release still runs, and what the new one does decides which of them stays."""

from __future__ import annotations

import time

from ansible_collections.farol.vps.plugins.module_utils import _release_gate
from ansible_collections.farol.vps.plugins.module_utils._release_bake import (
    AccessLog,
    Count,
    count,
    worse,
)
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

PAUSE = 0.25  # seconds between two looks
AGAIN = 2  # restarts of a service within a bake that end it
MISSES = 3  # failed health checks in a row that end it


class Watch:
    """Begun right before the switch, since it also counts what the old release answered up to then."""

    def __init__(self, host, settings, target, plan):
        self.host = host
        self.settings = settings
        self.target = target
        self.plan = plan
        self.domains = {target.app["domain"], *(target.app.get("aliases") or [])}
        self.log = AccessLog(settings.access_log)
        self.before = Count()
        if plan.stop and plan.switch_to:
            self.before = count(self.log.before(), self.domains, settings.ports[plan.stop])
        else:
            self.log.before()
        self.restarts = None

    def remember_services(self):
        """How often each service was started so far, which is nobody's fault."""
        self.restarts = {c.id: self._restarts(c) for c in self._services()}

    def bake(self):
        """Watch for the set time, and on until the old release's last connections have ended or their time is over."""
        start = time.monotonic()
        end = start + self.settings.bake(self.target.app)
        patience = max(end, start + self.settings.linger(self.target.app))
        if self.restarts is None:
            self.remember_services()
        after, misses = Count(), 0
        looks = 0
        while True:
            self.require_switched()
            after += count(self.log.more(), self.domains, self._port)
            reason = worse(self.before, after)
            passed, seen = _release_gate.ask(self._port, self.target.app)
            misses = 0 if passed else misses + 1
            if misses >= MISSES:
                reason = f"{_release_gate.health(self.target.app)['path']} failed {misses} times in a row: {seen}"
            if reason:
                raise Failed(f"release {self.target.id} does worse than the one before: {reason}")
            if looks % 4 == 0:
                self.require_services()
            looks += 1
            now = time.monotonic()
            if now >= patience or (now >= end and not self._lingering()):
                break
            time.sleep(PAUSE)
        self.require_services(last=True)
        self.log.close()

    @property
    def _port(self):
        return self.settings.ports[self.plan.switch_to]

    def require_switched(self):
        if self.host.state.live != self.plan.switch_to:
            raise Failed("it was rolled back by another run during its bake")

    def _lingering(self):
        stop = self.plan.stop
        return bool(stop) and _release_gate.connections(self.host, self.settings.ports[stop]) > 0

    def require_services(self, last=False):
        """See every service up, none of them started again and again; at last each has to run."""
        for container in self._services():
            again = self._restarts(container) - self.restarts.get(container.id, 0)
            on_its_way = container.state in ("created", "restarting") and not last
            if again < AGAIN and (container.running or on_its_way):
                continue
            raise Failed(
                f"service {container.service} of release {self.target.id} does not stay up; "
                f"{self.host.evidence(container)}"
            )

    def _services(self):
        project = f"{self.host.name}-services"
        return [c for c in self.host.containers() if c.project == project]

    def _restarts(self, container):
        return _release_gate.look(self.host, container)[2]
