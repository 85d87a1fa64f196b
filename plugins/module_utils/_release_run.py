# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of one release carried out. Any of them may raise C(Failed); a release serves on all the same."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress

from ansible_collections.farol.vps.plugins.module_utils import (
    _compose,
    _release,
    _release_gate,
    _release_images,
    _release_steps,
)
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed
from ansible_collections.farol.vps.plugins.module_utils._release_store import write_documents
from ansible_collections.farol.vps.plugins.module_utils._release_watch import Watch

SETTLE = 2  # seconds that a service has to stay up where no bake watches it
ACCESSORIES_READY = 120  # seconds


class Steps:
    """What one run does, in the order of C(_release_steps). C(names) gets the seconds that each step took."""

    def __init__(self, host, store, settings, target, plan, kind):
        self.host = host
        self.state = host.state
        self.store = store
        self.settings = settings
        self.target = target
        self.plan = plan
        self.kind = kind
        self.taken = []
        self.old = None
        self.wanted = settings.wanted(target)

    @contextmanager
    def timed(self, name):
        self.state.note(step=name)
        start = time.monotonic()
        try:
            yield
        finally:
            self.taken.append({"step": name, "seconds": round(time.monotonic() - start, 4)})

    def run(self):
        self.old = self.serving()
        self.host.network(self.target.app)
        for name in _release_steps.steps(self.plan, self.kind):
            try:
                with self.timed(name):
                    getattr(self, f"do_{name}")()
            except (Failed, OSError) as error:
                self.undo(name, error)

    def undo(self, step, error):
        """Have what served before serve again, and tell the failure. What can't be undone is told too."""
        what = _release_steps.undo(step, self.plan)
        note = ""
        try:
            if what == "return":
                note = self.go_back()
            elif what == "remove":
                self.clear(self.plan.switch_to)
            if what in ("forget", "remove"):
                self.forget()
        except Failed as trouble:
            note = f"; cleaning up failed as well, the next run does it: {trouble}"
        raise Failed(f"{error}{note}") from error

    # Before anything serves.

    def do_disk(self):
        _release_images.require_space(self.host, self.store.folder, self.settings.min_free_mb)

    def do_accessories(self):
        project = self.wanted.accessories_project
        bundle = self.settings.accessories
        if bundle is None:
            own = [c.id for c in self.host.containers() if c.project == project]
            self.host.docker("rm", "--force", *own)
            return
        folder = os.path.join(self.store.folder, "accessories")
        files = write_documents(folder, bundle.public, bundle.secret)
        self.host.compose(
            project,
            files,
            "up",
            "--detach",
            "--remove-orphans",
            "--wait",
            "--wait-timeout",
            str(ACCESSORIES_READY),
            limit=ACCESSORIES_READY + _release_images.PULL_LIMIT,
        )

    def do_pull(self):
        self.images = _release_images.provide(self.host, self.tags())

    def do_build(self):
        source = self.target.app["source"]
        tags = self.tags()
        own = tags[_compose.image(self.target.app)]
        _release_images.build(self.host, source, self.target.version, own, self.settings.token)
        self.images = _release_images.provide(self.host, tags)

    def tags(self):
        return _release_images.local_tags(
            self.host.name, self.target.id, _compose.images(self.target.public)
        )

    def do_render(self):
        if self.store.load(self.target.id) is None:
            tags = {ref: image["tag"] for ref, image in self.images.items()}
            pinned = _compose.pinned(self.target.public, tags, os.cpu_count() or 1)
            self.store.save(self.target, self.images, pinned)
        self.files = self.store.files(self.target.id)

    def do_migrate(self):
        project = f"{self.host.name}-{_compose.MIGRATE}"
        # A killed run left it; two migrations at once would get in each other's way.
        self.host.remove(project)
        try:
            self.host.compose(
                project,
                self.files,
                "run",
                "--rm",
                "-T",
                _compose.MIGRATE,
                limit=self.settings.migrate_timeout,
            )
        except Failed as error:
            with suppress(Failed):
                self.host.remove(project)
            raise Failed(f"the migration failed and nothing was switched: {error}") from error

    def do_start(self):
        project = self.wanted.colour(self.plan.switch_to)
        port = self.settings.ports[self.plan.switch_to]
        self.clear(self.plan.switch_to)
        try:
            self.host.compose(
                project,
                self.files,
                "up",
                "--detach",
                "--no-deps",
                _compose.WEB,
                env={_compose.PORT_VARIABLE: str(port)},
            )
        except Failed as error:
            raise Failed(f"{error}{self.who_has(port)}") from error

    def clear(self, colour):
        """Remove what is in the idle colour: a canary, or what a killed run has started or switched away from."""
        if self.web(colour) is not None:
            self.state.end_canary()
            _release_gate.drain(
                self.host, self.settings.ports[colour], self.settings.drain(self.target.app)
            )
            self.drop(colour)

    def who_has(self, port):
        _code, out, _err = self.host.run(["ss", "-Hltnp", f"( sport = :{port} )"])
        return f"; port {port} is held by {out.split()[-1]}" if out.split() else ""

    def do_gate(self):
        colour = self.plan.switch_to
        _release_gate.gate(
            self.host,
            lambda: self.web(colour),
            self.settings.ports[colour],
            self.target.app,
            self.target.id,
        )

    # The switch and what follows.

    def do_canary(self):
        self.state.set_canary(self.settings.canary)

    def do_flip(self):
        self.watch = Watch(self.host, self.settings, self.target, self.plan)
        self.store.mark_served(self.target.id, again=not self.kind.rollback)
        self.state.end_canary()
        self.state.flip(self.plan.switch_to)
        self.state.let_go()

    def do_ask(self):
        _release_gate.through_nginx(self.target.app, self.settings.ports[self.plan.switch_to])

    def do_drain(self):
        _release_gate.drain(
            self.host, self.settings.ports[self.plan.stop], self.settings.drain(self.target.app)
        )

    def do_services(self):
        if self.plan.switch_to and self.kind.bake:
            self.watch.remember_services()
        self.run_services(self.target, self.files)
        if not (self.plan.switch_to and self.kind.bake):
            self.settle()

    def run_services(self, target, files):
        """Change the services to a release. Compose stops a container before it starts the next of that name."""
        project = self.wanted.services_project
        if target.services:
            self.host.compose(
                project,
                files,
                "up",
                "--detach",
                "--remove-orphans",
                *sorted(target.services),
                limit=3600,
            )
        stale = [
            c
            for c in self.host.containers()
            if c.project == project and (c.service not in target.services or c.release != target.id)
        ]
        self.host.remove(project, stale)

    def settle(self):
        """A service that ends at once would be started by Docker again and again, and nobody told."""
        if self.target.services:
            watch = Watch(self.host, self.settings, self.target, self.plan)
            watch.remember_services()
            time.sleep(SETTLE)
            watch.require_services(last=True)

    def do_bake(self):
        self.watch.bake()
        with self.state.window():
            self.watch.require_switched()
            self.state.note(step="stop")

    def do_stop(self):
        self.drop(self.plan.stop)

    def do_prune(self):
        in_use = {container.release for container in self.host.containers()}
        gone = [
            name
            for name in self.store.superseded(self.settings.keep_releases, self.target.id)
            if name not in in_use
        ]
        targets = [target for target in map(self.store.load, gone) if target]
        for name in gone:
            self.store.forget(name)
        _release_images.prune(self.host, self.store.kept(), targets)

    # Going back.

    def serving(self):
        release = _release.live_release(self.wanted, self.state.live, self.host.containers())
        return self.store.load(release) if release else None

    def go_back(self):
        """Return to the old colour, which still runs, with its services. Says how it ended."""
        colour = self.plan.stop
        if self.web(colour) is None or not self.web(colour).running:
            return "; the old release does not run any more, so the new one serves on"
        switched = self.state.live != colour or self.taken[-1]["step"] == "bake"
        with self.timed("flip back"):
            self.state.flip(colour)
        if switched:
            self.state.hold(self.target.id)
        if self.old is None:
            return "; switched back to the old release, whose services could not be started again: its folder is gone"
        with self.timed("services back"):
            self.run_services(self.old, self.store.files(self.old.id))
        with self.timed("drain back"):
            _release_gate.drain(
                self.host,
                self.settings.ports[self.plan.switch_to],
                self.settings.drain(self.target.app),
            )
        self.drop(self.plan.switch_to)
        return "; switched back to the release before"

    def drop(self, colour):
        self.host.remove(self.wanted.colour(colour))

    def forget(self):
        """Forget a release that never served, unless a container of it is still there."""
        kept = self.store.load(self.target.id)
        if (kept is None or not kept.served) and all(
            container.release != self.target.id for container in self.host.containers()
        ):
            self.store.forget(self.target.id)
            if kept:
                _release_images.prune(self.host, self.store.kept(), [kept])

    def web(self, colour):
        project = self.wanted.colour(colour)
        return next((c for c in self.host.containers() if c.project == project), None)
