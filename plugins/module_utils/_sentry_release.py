# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have releases at Sentry as wanted, with the requests and bodies of its own client and no more of them.

Creating a release and setting its commits may be repeated. A deploy may not: each request makes another one, so
it is looked up first, and again where a request for one had no clear answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _sentry
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError
from ansible_collections.farol.vps.plugins.module_utils._sentry_git import Checkout
from ansible_collections.farol.vps.plugins.module_utils._sentry_http import Answer, Api, Uncertain

REGISTERED = ("present", "finalized", "deployed")


@dataclass(frozen=True)
class Wish:
    """One release as it is to be. Times are seconds since 1970."""

    version: str
    projects: Sequence[str] = ()
    state: str = "present"
    url: str | None = None
    commits: Sequence[Mapping[str, Any]] = ()
    refs: Sequence[Mapping[str, Any]] = ()
    git: Mapping[str, Any] | None = None
    deploy: Mapping[str, Any] | None = None

    def faults(self) -> list[str]:
        fault = _sentry.version_fault(self.version)
        faults = [f"version: {self.version!r} {fault}"] if fault else []
        if self.state in REGISTERED and not self.projects:
            faults.append("projects: missing; name one at least")
        faults += _sentry.commit_faults(self.commits, self.refs)
        if sum(bool(each) for each in (self.commits, self.refs, self.git)) > 1:
            faults.append("commits, refs, git: they exclude each other; keep one")
        if self.state == "deployed":
            faults += _sentry.deploy_faults(self.deploy or {})
        return faults


@dataclass
class Outcome:
    version: str
    changed: bool = False
    did: list[str] = field(default_factory=list)
    release: dict[str, Any] | None = None
    deploy: dict[str, Any] | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def do(self, what: str, **after: Any) -> None:
        self.changed = True
        self.did.append(what)
        self.after.update(after)


def seen(release: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of a release is wanted or not, for a diff."""
    if not release:
        return {}
    return {
        "projects": sorted(project["slug"] for project in release.get("projects") or []),
        "status": release.get("status") or "open",
        "url": release.get("url"),
        "released": bool(release.get("dateReleased")),
        "last_commit": head(release),
        "commits": release.get("commitCount") or 0,
    }


def head(release: Mapping[str, Any]) -> str | None:
    return (release.get("lastCommit") or {}).get("id")


class History:
    """The commits of a wish: as they are given, or from a checkout, which is looked at before Sentry is asked."""

    def __init__(self, wish: Wish, opener: Callable[[str], Checkout]) -> None:
        self.commits = [dict(each) for each in wish.commits]
        self.refs = [_sentry.ref(each) for each in wish.refs]
        self.git = dict(wish.git or {})
        self.after = self.last = self.warning = ""
        if self.commits:
            self.last = self.commits[0]["id"]
        elif self.refs:
            self.last = self.refs[-1]["commit"]
        elif self.git:
            self._open(opener)

    def _open(self, opener: Callable[[str], Checkout]) -> None:
        self.checkout = opener(self.git["path"])
        try:
            self.last = self.checkout.commit(self.git.get("version") or "HEAD")
            if self.git.get("previous"):
                self.begin(self.git["previous"])
        except SentryError as error:
            if not self.git.get("ignore_missing"):
                raise
            self.warning, self.git, self.last = f"{error}; it gets no commits", {}, ""

    @property
    def wanted(self) -> bool:
        return bool(self.last)

    @property
    def asks(self) -> bool:
        """Whether Sentry has to say what the release before was."""
        return bool(self.git) and not self.git.get("previous")

    def begin(self, name: str) -> None:
        if name:
            self.after = self.checkout.previous(name, bool(self.git.get("ignore_missing")))

    def body(self, release: Mapping[str, Any]) -> dict[str, Any]:
        """What to send; nothing where Sentry has it, or where there is nothing new."""
        if self.refs:
            known = head(release) in {each["commit"] for each in self.refs}
            return {} if known else {"refs": self.refs}
        if self.commits:
            known = head(release) == self.last and release.get("commitCount") == len(self.commits)
            return {} if known else {"commits": self.commits}
        if not self.git or head(release) == self.last or self.after == self.last:
            return {}
        repository = self.git.get("repository") or "origin"
        if self.git.get("send") == "refs":
            ref = {"repository": repository, "commit": self.last, "previous": self.after}
            return {"refs": [_sentry.ref(ref)]}
        depth = int(self.git.get("depth") or 20)
        commits = self.checkout.commits(self.last, self.after, depth, repository)
        return {"commits": commits} if commits else {}


class Sentry:
    """The releases of one organization. C(checkout) opens a folder's Git history."""

    def __init__(
        self,
        api: Api,
        organization: str,
        checkout: Callable[[str], Checkout],
        check: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.api, self.organization = api, organization
        self.checkout, self.check, self.clock = checkout, check, clock

    def ensure(self, wish: Wish) -> Outcome:
        outcome = Outcome(wish.version)
        try:
            if wish.state == "absent":
                self._remove(wish, outcome)
            elif wish.state == "archived":
                self._archive(wish, outcome)
            else:
                self._register(wish, outcome)
        except SentryError as error:
            raise SentryError(f"{wish.version}: {error}", error.fatal) from None
        return outcome

    def get(self, version: str) -> dict[str, Any] | None:
        answer = self.api.call("GET", self._path(version))
        return None if answer.status == 404 else self._good(answer)

    def deploys(self, version: str) -> list[dict[str, Any]]:
        return self._good(self.api.call("GET", self._path(version, "deploys")), list)

    def releases(self, project: str = "") -> list[dict[str, Any]]:
        """The newest releases, as many as Sentry gives at once."""
        path = (
            f"/api/0/projects/{self.organization}/{project}/releases/" if project else self._path()
        )
        return self._good(self.api.call("GET", path), list)

    def _path(self, version: str = "", *more: str) -> str:
        return _sentry.release_path(self.organization, version, *more)

    # The end of a release.

    def _remove(self, wish: Wish, outcome: Outcome) -> None:
        if self.check:
            outcome.before = seen(self.get(wish.version))
            if outcome.before:
                outcome.do("remove")
            return
        answer = self.api.call("DELETE", self._path(wish.version))
        if answer.status != 404:
            self._good(answer, object)
        if answer.status != 404 or answer.repeated:
            outcome.before = {"version": wish.version}
            outcome.do("remove")

    def _archive(self, wish: Wish, outcome: Outcome) -> None:
        release = self.get(wish.version)
        if release is None:
            raise SentryError("there is no such release to archive; check version and organization")
        outcome.before, outcome.after = seen(release), seen(release)
        if release.get("status") == "archived":
            outcome.release = release
            return
        outcome.do("archive", status="archived")
        outcome.release = release if self.check else self._status(wish.version, "archived")

    def _status(self, version: str, status: str) -> dict[str, Any]:
        body = {"version": version, "projects": [], "status": status}
        return self._good(self.api.call("POST", self._path(), body))

    # Its beginning.

    def _register(self, wish: Wish, outcome: Outcome) -> None:
        history = History(wish, self.checkout)
        if history.warning:
            outcome.warnings.append(f"{wish.version}: {history.warning}")
        finalize = not history.wanted and wish.state != "present"
        release = (self._predict if self.check else self._create)(wish, outcome, finalize)
        # Only when Sentry has the release it can tell which one was before it.
        if history.asks and head(release) != history.last:
            history.begin(self._before(wish))
        self._complete(wish, outcome, release, history)
        if wish.state == "deployed":
            self._deploy(wish, outcome, release)

    def _predict(self, wish: Wish, outcome: Outcome, finalize: bool) -> dict[str, Any]:
        """The release as it is, or as it would be made."""
        release = self.get(wish.version)
        if release is None:
            made = {
                "projects": [{"slug": slug} for slug in wish.projects],
                "url": wish.url,
                "dateReleased": finalize or None,
                "deployCount": 0,
            }
            outcome.do("create", **seen(made))
            if finalize:
                outcome.did.append("finalize")
            return made
        outcome.before = seen(release)
        outcome.after = dict(outcome.before)
        known = outcome.before["projects"]
        if set(wish.projects) - set(known):
            outcome.do("add projects", projects=sorted({*known, *wish.projects}))
        return release

    def _create(self, wish: Wish, outcome: Outcome, finalize: bool) -> dict[str, Any]:
        now = _sentry.stamp(self.clock())
        body: dict[str, Any] = {"version": wish.version, "projects": list(wish.projects)}
        if wish.url:
            body["url"] = wish.url
        body["dateStarted"] = now
        if finalize:
            body["dateReleased"] = now
        answer = self.api.call("POST", self._path(), body)
        release = self._good(answer)
        if answer.status == 208:
            outcome.before = seen(release)
            outcome.after = dict(outcome.before)
        # The first of two requests may have been the one that made it.
        if answer.status != 208 or answer.repeated:
            outcome.do("create", **seen(release))
            if "dateReleased" in body and release.get("dateReleased"):
                outcome.did.append("finalize")
        return release

    def _complete(
        self, wish: Wish, outcome: Outcome, release: dict[str, Any], history: History
    ) -> None:
        """Each part that differs from what Sentry has."""
        if release.get("status") == "archived":
            outcome.do("restore", status="open")
            if not self.check:
                release = self._status(wish.version, "open")
        if wish.url and release.get("url") != wish.url:
            release = self._put(wish, outcome, release, {"url": wish.url}, "set url", url=wish.url)
        body = history.body(release)
        if body:
            told = {"commits": len(body["commits"])} if "commits" in body else {}
            release = self._put(
                wish, outcome, release, body, "set commits", last_commit=history.last, **told
            )
        if wish.state != "present" and not release.get("dateReleased"):
            body = {"dateReleased": _sentry.stamp(self.clock())}
            release = self._put(wish, outcome, release, body, "finalize", released=True)
        if not self.check or outcome.before:
            outcome.release = release

    def _put(
        self,
        wish: Wish,
        outcome: Outcome,
        release: dict[str, Any],
        body: dict[str, Any],
        what: str,
        **after: Any,
    ) -> dict[str, Any]:
        if not self.check:
            release = self._good(self.api.call("PUT", self._path(wish.version), body))
        outcome.do(what, **after)
        return release

    def _before(self, wish: Wish) -> str:
        """The last commit of the release before, as Sentry knows it."""
        answer = self.api.call("GET", self._path(wish.version, "previous-with-commits"))
        # Sentry knows nothing of what came before a release that it does not have yet.
        if answer.status == 404:
            return ""
        return head(self._good(answer)) or ""

    # Its deploys.

    def _deploy(self, wish: Wish, outcome: Outcome, release: Mapping[str, Any]) -> None:
        given = wish.deploy or {}
        found = self._deployed(wish, release)
        if found:
            outcome.deploy = found
            return
        outcome.do("deploy", deploy=given["environment"])
        if self.check:
            return
        finished = self.clock() if given.get("finished") is None else given["finished"]
        started = given.get("started")
        body = {
            "environment": given["environment"],
            "name": given.get("name") or None,
            "url": given.get("url") or None,
            "dateStarted": None if started is None else _sentry.stamp(started),
            "dateFinished": _sentry.stamp(finished),
        }
        outcome.deploy = self._post_deploy(wish, body)

    def _deployed(self, wish: Wish, release: Mapping[str, Any]) -> dict[str, Any] | None:
        """The same deploy, if Sentry has it. It is asked only where the release does not tell already."""
        count, last = release.get("deployCount"), release.get("lastDeploy")
        if not release or count == 0:
            return None
        given = wish.deploy or {}
        known = [last] if last and count == 1 else None
        if last and _sentry.same_deploy(given, last, given.get("since")):
            return dict(last)
        for each in self.deploys(wish.version) if known is None else known:
            if _sentry.same_deploy(given, each, given.get("since")):
                return dict(each)
        return None

    def _post_deploy(self, wish: Wish, body: dict[str, Any]) -> dict[str, Any]:
        failed = 0
        while True:
            try:
                path = self._path(wish.version, "deploys")
                return self._good(self.api.call("POST", path, body, repeatable=False))
            except Uncertain as error:
                if failed >= self.api.retries:
                    raise SentryError(
                        f"deploy: {error}, after {failed + 1} tries; run again when it answers",
                        fatal=True,
                    ) from None
            self.api.pause(failed)
            failed += 1
            ended = _sentry.seconds_of(body["dateFinished"])
            for each in self.deploys(wish.version):
                # Milliseconds may be all that the server keeps.
                if _sentry.same_deploy(body, each, ended - 0.002 if ended is not None else None):
                    return each

    # Answers.

    def _good(self, answer: Answer, kind: type = dict) -> Any:
        if answer.status < 300:
            if not isinstance(answer.data, kind):
                raise SentryError(
                    f"url: {self.api.url} answers {answer.status} with other JSON than Sentry does; is that its address?",
                    True,
                )
            return answer.data
        said = f"Sentry answers {answer.status}: {_sentry.told(answer.data)}"
        if answer.status == 401:
            raise SentryError(
                f"token: {said}; make one in Sentry with org:ci or project:releases, for {self.api.url}",
                True,
            )
        if answer.status == 403:
            raise SentryError(
                f"token: {said}; it needs project:releases (org:ci for a token of the organization) and access to the projects",
                True,
            )
        if answer.status == 404:
            raise SentryError(
                f"organization: {said}; is there an organization {self.organization} with this release at {self.api.url}, "
                "and may the token see it?"
            )
        if answer.status == 409:
            raise SentryError(f"{said}; run again in a moment")
        raise SentryError(said)
