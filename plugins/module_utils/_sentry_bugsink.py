# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases at Bugsink, whose API knows nothing but their names: one for each project, which can't be taken back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.farol.vps.plugins.module_utils import _sentry
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError
from ansible_collections.farol.vps.plugins.module_utils._sentry_http import Answer, Api
from ansible_collections.farol.vps.plugins.module_utils._sentry_release import (
    REGISTERED,
    Outcome,
    Wish,
)

RELEASES = "/api/canonical/0/releases/"
PROJECTS = "/api/canonical/0/projects/"
UNKNOWN = (
    ("commits", "commits"),
    ("refs", "commits"),
    ("git", "commits"),
    ("deploy", "deploys"),
    ("url", "a release's url"),
)


class Bugsink:
    """The releases of a Bugsink server. Projects are named by number, slug or name."""

    def __init__(
        self, api: Api, check: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self.api, self.check, self.clock = api, check, clock
        self._projects: list[dict[str, Any]] | None = None

    def ensure(self, wish: Wish) -> Outcome:
        if wish.state not in REGISTERED:
            raise SentryError(
                f"{wish.version}: state: Bugsink keeps releases; {wish.state} is for Sentry alone"
            )
        outcome = Outcome(wish.version)
        ignored = dict.fromkeys(word for key, word in UNKNOWN if getattr(wish, key))
        if ignored:
            outcome.warnings.append(
                f"{wish.version}: Bugsink does not know {', '.join(ignored)}; they are left out"
            )
        try:
            for project in wish.projects:
                self._register(wish, project, outcome)
        except SentryError as error:
            raise SentryError(f"{wish.version}: {error}", error.fatal) from None
        return outcome

    def _register(self, wish: Wish, project: str, outcome: Outcome) -> None:
        number = self.number(project)
        if self.check:
            if not self.find(number, wish.version):
                outcome.do(f"create for {project}", **{project: wish.version})
            return
        body = {"project": number, "version": wish.version}
        answer = self.api.call("POST", RELEASES, body)
        if answer.status == 400 and "already exists" in _sentry.told(
            (answer.data or {}).get("version", "")
        ):
            return
        outcome.release = self._good(answer)
        outcome.do(f"create for {project}", **{project: wish.version})

    def number(self, project: str) -> int:
        if str(project).isdigit():
            return int(project)
        if self._projects is None:
            self._projects = self._all(PROJECTS)
        for each in self._projects:
            if project in (each.get("slug"), each.get("name")):
                return int(each["id"])
        known = ", ".join(
            sorted(str(each.get("slug") or each.get("name")) for each in self._projects)
        )
        raise SentryError(f"projects: Bugsink has no project {project}; it has {known or 'none'}")

    def find(self, number: int, version: str) -> dict[str, Any] | None:
        return next((each for each in self.releases(number) if each["version"] == version), None)

    def releases(self, number: int) -> list[dict[str, Any]]:
        return self._all(f"{RELEASES}?project={quote(str(number))}")

    def _all(self, path: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        while path:
            page = self._good(self.api.call("GET", path))
            found += page["results"]
            # The address in it is as Bugsink sees itself, which may be another than it is reached by.
            following = urlsplit(page.get("next") or "")
            path = f"{following.path}?{following.query}" if page.get("next") else ""
        return found

    def _good(self, answer: Answer) -> Any:
        if answer.status < 300:
            return answer.data
        said = f"Bugsink answers {answer.status}: {_sentry.told(answer.data)}"
        if answer.status in (401, 403):
            raise SentryError(
                f"token: {said}; make one in Bugsink that may read and create releases", True
            )
        if answer.status == 404:
            raise SentryError(f"url: {said}; is {self.api.url} a Bugsink?", True)
        raise SentryError(said)
