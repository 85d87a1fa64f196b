# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of an application, and what is left to do until the wanted release serves. Pure.

The host itself is the record: files say which colour Nginx serves, and every container carries its
release as a label. A run that was killed at any point has therefore left nothing to repair but the
difference between what runs and what is wanted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

COLOURS = ("blue", "green")

# `docker ps --format`: one container a line.
PS_FORMAT = (
    '{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}'
    '\t{{.Label "farol.release"}}\t{{.State}}\t{{.ID}}'
)

# A release that follows a tag bears what the tag pointed to at the end of its name.
_FOLLOWED = re.compile(r"--[0-9a-f]{8}$")


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
    """Names of one application's projects and the releases they should run.

    C(accessories) has the release of each; None leaves them as they are. A release of a followed tag is
    as good as the wanted one, unless C(exact).
    """

    app: str
    release: str
    services: frozenset[str]
    accessories: dict[str, str] | None
    exact: bool = False

    def fits(self, found: str, release: str) -> bool:
        return found == release if self.exact else is_release(found, release)

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
    """What has to be done. C(found) says what an earlier run, or somebody, left behind."""

    accessories: bool = False
    start: bool = False
    switch_to: str | None = None
    services: bool = False
    stop: str | None = None
    end_canary: bool = False
    found: tuple[str, ...] = field(default=(), compare=False)

    @property
    def nothing(self) -> bool:
        return not (
            self.accessories or self.switch_to or self.services or self.stop or self.end_canary
        )


def parse_ps(output: str) -> list[Container]:
    return [Container(*line.split("\t")) for line in output.splitlines() if line]


def other(colour: str) -> str:
    return COLOURS[1 - COLOURS.index(colour)]


def followed(release: str, digest: str) -> str:
    """The name of a release that follows a tag, which pointed to the image C(digest)."""
    return f"{release}--{digest.removeprefix('sha256:')[:8]}"


def is_release(found: str, wanted: str) -> bool:
    """Whether a container's release is the wanted one, whatever a followed tag pointed to."""
    return found == wanted or _FOLLOWED.sub("", found) == wanted


def _runs(
    wanted: Wanted, containers: list[Container], project: str, releases: dict[str, str]
) -> bool:
    """Whether the project's containers all run, and are just these services of these releases."""
    own = [container for container in containers if container.project == project]
    return {container.service for container in own} == set(releases) and all(
        container.running and wanted.fits(container.release, releases[container.service])
        for container in own
    )


def plan(
    wanted: Wanted,
    live: str,
    containers: list[Container],
    canary: int | None = None,
    held: str | None = None,
) -> Plan:
    """What is left to do. C(canary) is the share of clients that the idle colour gets now, C(held) a
    release that was rolled back and is not to return by itself."""
    idle = other(live)
    in_idle = _of(wanted.colour(idle), containers)
    dead_canary = canary is not None and not any(container.running for container in in_idle)
    serving = live_release(wanted, live, containers)
    if held and serving and is_release(held, wanted.release):
        note = f"{held} was rolled back and is left alone; deploy.yml releases it again"
        return Plan(found=(note,))
    found: list[str] = []
    start = False
    switch_to = stop = None
    if _runs(wanted, containers, wanted.colour(live), {"web": wanted.release}):
        if in_idle and canary is not None and not dead_canary:
            found.append(f"{_name(in_idle)} is a canary and is left alone; rollback.yml ends it")
        elif in_idle:
            stop = idle
            found.append(f"{_name(in_idle)} was left in {idle} by a run that did not end")
    else:
        present = bool(_of(wanted.colour(live), containers))
        switch_to = idle if present else live
        stop = live if present else (idle if in_idle else None)
        start = not _runs(wanted, containers, wanted.colour(switch_to), {"web": wanted.release})
        if present and in_idle:
            doing = "is replaced" if start else "is gone on with"
            found.append(f"{_name(in_idle)} was in {idle} already and {doing}")
    return Plan(
        accessories=wanted.accessories is not None
        and not _runs(wanted, containers, wanted.accessories_project, wanted.accessories),
        start=start,
        switch_to=switch_to,
        services=not _runs(
            wanted,
            containers,
            wanted.services_project,
            dict.fromkeys(wanted.services, wanted.release),
        ),
        stop=stop,
        end_canary=dead_canary,
        found=tuple(found),
    )


def _of(project: str, containers: list[Container]) -> list[Container]:
    return [container for container in containers if container.project == project]


def _name(containers: list[Container]) -> str:
    return f"release {containers[0].release} ({containers[0].state})"


def healed(wanted: Wanted, live: str, containers: list[Container]) -> str | None:
    """The colour to switch to at once, where the live one does not run and the other one does."""
    if live_release(wanted, live, containers) is None:
        idle = other(live)
        if live_release(wanted, idle, containers) is not None:
            return idle
    return None


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
