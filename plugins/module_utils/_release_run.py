# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of one release, in order. Any of them may raise C(Failed); the old colour then serves on."""

from __future__ import annotations

import http.client
import os
import time
from contextlib import contextmanager

from ansible_collections.farol.vps.plugins.module_utils import _compose, _release
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

POLL = 0.05  # seconds between two questions of the gate and of the drain
SETTLE = 2  # seconds that a service without a health check has to stay up


class Releaser:
    """One release, step by step; each step is timed and any of them may raise C(Failed)."""

    def __init__(self, host, app, ports, params):
        self.host = host
        self.app = app
        self.ports = ports
        self.params = params
        self.steps = []
        self.bundle = _compose.release(app)
        self.accessories = _compose.accessories(app)
        services = frozenset(self.bundle.services) - {_compose.WEB, _compose.MIGRATE}
        self.wanted = _release.Wanted(
            app=app["name"],
            release=self.bundle.id,
            services=services,
            accessories=self.accessories.releases if self.accessories else {},
        )

    @contextmanager
    def step(self, name):
        start = time.monotonic()
        yield
        self.steps.append({"step": name, "seconds": round(time.monotonic() - start, 3)})

    def run(self, plan):
        host = self.host
        network = _compose.network(self.app)
        if not host.docker("network", "ls", "--quiet", "--filter", f"name=^{network}$").strip():
            host.docker("network", "create", network)
        if plan.accessories:
            self.start_accessories()
        files = host.store(os.path.join(host.root, "releases", self.bundle.id), self.bundle)
        if plan.switch_to:
            try:
                self.bring_up(files, plan.switch_to)
            except Failed:
                host.discard(self.bundle.id)
                raise
            with self.step("flip"):
                host.flip(plan.switch_to)
        if plan.services:
            with self.step("services"):
                self.swap_services(files)
        if plan.stop:
            with self.step("drain"):
                self.drain(self.ports[plan.stop])
            with self.step("stop"):
                self.remove(self.wanted.colour(plan.stop), files)
        host.prune(self.params["keep_releases"], self.bundle.id)

    def bring_up(self, files, colour):
        with self.step("pull"):
            self.pull(_compose.image(self.app))
        if self.app.get("migrate"):
            with self.step("migrate"):
                self.migrate(files)
        self.start(files, colour)

    def start_accessories(self):
        with self.step("accessories"):
            project = self.wanted.accessories_project
            if not self.accessories:
                self.host.docker(
                    "rm", "--force", *[c.id for c in self.host.containers() if c.project == project]
                )
                return
            files = self.host.store(os.path.join(self.host.root, "accessories"), self.accessories)
            self.host.compose(
                project,
                files,
                "up",
                "--detach",
                "--remove-orphans",
                "--wait",
                "--wait-timeout",
                "120",
            )

    def pull(self, image):
        if self.host.docker("image", "ls", "--quiet", image).strip():
            return
        try:
            self.host.docker("pull", "--quiet", image)
        except Failed as error:
            raise Failed(
                f"{error}; check image and version, that the host reaches the registry, "
                "and app_registry_logins where it asks for a login"
            ) from error

    def migrate(self, files):
        project = f"{self.app['name']}-{_compose.MIGRATE}"
        if any(container.project == project for container in self.host.containers()):
            # A killed run left it; two migrations at once would get in each other's way.
            self.remove(project, files)
        try:
            self.host.compose(project, files, "run", "--rm", "-T", _compose.MIGRATE)
        except Failed as error:
            raise Failed(f"the migration failed and nothing was switched: {error}") from error

    def start(self, files, colour):
        project = self.wanted.colour(colour)
        try:
            with self.step("start"):
                self.host.compose(
                    project,
                    files,
                    "up",
                    "--detach",
                    "--no-deps",
                    "--force-recreate",
                    _compose.WEB,
                    port=self.ports[colour],
                )
            with self.step("gate"):
                self.gate(colour)
        except Failed:
            self.remove(project, files)
            raise

    def gate(self, colour):
        health = self.app.get("health") or {}
        path, limit = health.get("path") or "/health", health.get("timeout") or 60
        deadline = time.monotonic() + limit
        seen = "nothing yet"
        while time.monotonic() < deadline:
            passed, seen = self.ask(self.ports[colour], path)
            if passed:
                return
            time.sleep(POLL)
            if not self.alive(colour):
                seen = "the container stopped"
                break
        raise Failed(
            f"release {self.bundle.id} did not pass GET {path} within {limit} s: {seen}; {self.evidence(self.web(colour))}"
        )

    def ask(self, port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path, headers={"Host": self.app.get("domain") or "localhost"})
            status = connection.getresponse().status
            return status == 200, f"status {status}"
        except (OSError, http.client.HTTPException) as error:
            return False, str(error) or type(error).__name__
        finally:
            connection.close()

    def web(self, colour):
        return next(
            (c for c in self.host.containers() if c.project == self.wanted.colour(colour)), None
        )

    def alive(self, colour):
        """Asking Docker costs more than asking the app, so only every tenth question does."""
        self.questions = getattr(self, "questions", 0) + 1
        if self.questions % 10:
            return True
        container = self.web(colour)
        return container is not None and container.state in ("created", "running")

    def evidence(self, container):
        if container is None:
            return "its container is gone"
        state = self.host.docker(
            "inspect",
            "--format",
            "{{.State.Status}}, exit code {{.State.ExitCode}}",
            container.id,
            check=False,
        ).strip()
        code, out, err = self.host.module.run_command(
            ["docker", "logs", "--tail", "20", container.id]
        )
        return f"container {state}; its last lines:\n{self.host.hide(out + err)}"

    def swap_services(self, files):
        project = self.wanted.services_project
        if self.wanted.services:
            self.host.compose(
                project,
                files,
                "up",
                "--detach",
                "--no-deps",
                "--remove-orphans",
                *sorted(self.wanted.services),
            )
        stale = [
            c.id
            for c in self.host.containers()
            if c.project == project
            and (c.service not in self.wanted.services or c.release != self.bundle.id)
        ]
        if stale:
            self.host.docker("rm", "--force", *stale)

        self.settle(project)

    def settle(self, project):
        """A service that ends at once would be started by Docker again and again, and nobody told."""
        if not self.wanted.services:
            return
        time.sleep(SETTLE)
        for container in self.host.containers():
            if container.project == project and not container.running:
                raise Failed(
                    f"service {container.service} of release {self.bundle.id} does not stay up; {self.evidence(container)}"
                )

    def drain(self, port):
        deadline = time.monotonic() + self.params["drain_timeout"]
        while time.monotonic() < deadline:
            code, out, err = self.host.module.run_command(
                ["ss", "-Htn", "state", "established", f"( dport = :{port} )"]
            )
            if code or not out.strip():
                return
            time.sleep(POLL)

    def remove(self, project, files):
        self.host.compose(project, files, "down", "--remove-orphans")
