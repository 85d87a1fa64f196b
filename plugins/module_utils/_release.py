# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of an application, and what is left to do until the wanted release serves. Pure.

The host itself is the record: the flag file says which colour Nginx serves, and every container carries its
release as a label. A run that was killed at any point has therefore left nothing to repair but the
difference between what runs and what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = ("blue", "green")

# `docker ps --format`: one container a line.
PS_FORMAT = (
    '{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}'
    '\t{{.Label "farol.release"}}\t{{.State}}\t{{.ID}}'
)


@dataclass(frozen=True)
class Container:
    project: str
    service: str
    release: str
    state: str
    id: str

    @property
    def running(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True)
class Wanted:
    """Names of one application's projects and the releases they should run, C(accessories) each its own."""

    app: str
    release: str
    services: frozenset[str]
    accessories: dict[str, str]

    def colour(self, colour: str) -> str:
        return f"{self.app}-{colour}"

    @property
    def services_project(self) -> str:
        return f"{self.app}-services"

    @property
    def accessories_project(self) -> str:
        return f"{self.app}-accessories"


@dataclass(frozen=True)
class Plan:
    """What has to be done, in this order; nothing where all are false."""

    accessories: bool
    switch_to: str | None
    services: bool
    stop: str | None

    @property
    def nothing(self) -> bool:
        return not (self.accessories or self.switch_to or self.services or self.stop)


def parse_ps(output: str) -> list[Container]:
    return [Container(*line.split("\t")) for line in output.splitlines() if line]


def other(colour: str) -> str:
    return COLOURS[1 - COLOURS.index(colour)]


def _runs(containers: list[Container], project: str, releases: dict[str, str]) -> bool:
    """Whether the project's containers all run, and are just these services of these releases."""
    own = [c for c in containers if c.project == project]
    found = {(c.service, c.release) for c in own}
    return found == set(releases.items()) and all(c.running for c in own)


def plan(wanted: Wanted, live: str, containers: list[Container]) -> Plan:
    def present(colour: str) -> bool:
        return any(c.project == wanted.colour(colour) for c in containers)

    idle = other(live)
    serves = _runs(containers, wanted.colour(live), {"web": wanted.release})
    if serves:
        switch_to, stop = None, idle if present(idle) else None
    elif present(live):
        switch_to, stop = idle, live
    else:
        switch_to, stop = live, idle if present(idle) else None
    return Plan(
        accessories=not _runs(containers, wanted.accessories_project, wanted.accessories),
        switch_to=switch_to,
        services=not _runs(
            containers,
            wanted.services_project,
            dict.fromkeys(wanted.services, wanted.release),
        ),
        stop=stop,
    )


def live_release(wanted: Wanted, live: str, containers: list[Container]) -> str | None:
    for container in containers:
        if container.project == wanted.colour(live) and container.running:
            return container.release
    return None


def mask(text: str, secrets: list[str]) -> str:
    """A container's log line may quote a password, for example in a database URL."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "********")
    return text


def superseded(releases: list[str], keep: int, current: str) -> list[str]:
    """Which of the releases (oldest first) to remove so that C(keep) remain, the current one always."""
    older = [release for release in releases if release != current]
    return older[: max(0, len(older) - max(0, keep - 1))]
