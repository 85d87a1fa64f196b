# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release an application, or return it to a release that the host has kept; one call each, lock to log."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import (
    _compose,
    _compose_file,
    _release,
    _release_gate,
    _release_steps,
)
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._release_run import Steps
from ansible_collections.farol.vps.plugins.module_utils._release_state import Busy, State
from ansible_collections.farol.vps.plugins.module_utils._release_store import Store, Target

# Arguments of app_release that are settings under the same name.
SETTINGS = (
    "keep_releases",
    "drain_timeout",
    "websocket_drain_timeout",
    "bake_seconds",
    "migrate_timeout",
    "min_free_mb",
    "access_log",
    "ask_nginx",
    "canary",
    "by",
)
BAKE_ENDS = 120  # seconds that a run which is rolled back in its bake may take to tidy up


@dataclass(frozen=True)
class Settings:
    """What a release needs besides its documents; seconds and megabytes. The entry's C(deploy) goes first."""

    ports: dict[str, int]
    accessories: Any = None  # a Bundle; None without accessories
    leave_accessories: bool = False
    rolls_back: bool = False
    keep_releases: int = 3
    drain_timeout: int = 10
    websocket_drain_timeout: int = 60
    bake_seconds: int = 10
    migrate_timeout: int = 600
    min_free_mb: int = 1024
    access_log: str = "/var/log/nginx/access.log"
    ask_nginx: bool = True
    canary: int | None = None
    retry: bool = False
    by: str = ""
    token: str = ""

    def drain(self, app):
        return _own(app, "drain", self.drain_timeout)

    def bake(self, app):
        return _own(app, "bake", self.bake_seconds)

    def linger(self, app):
        """How long the old release may be kept for its WebSockets."""
        return (
            _own(app, "websocket_drain", self.websocket_drain_timeout)
            if app.get("websocket")
            else 0
        )

    def wanted(self, target):
        accessories = self.accessories.releases if self.accessories else {}
        return _release.Wanted(
            app=target.app["name"],
            release=target.id,
            services=target.services,
            accessories=None if self.leave_accessories else accessories,
            exact=self.leave_accessories,
        )


def _own(app, key, default):
    value = (app.get("deploy") or {}).get(key)
    return default if value is None else int(value)


@dataclass
class Result:
    changed: bool = False
    release: str | None = None
    previous: str | None = None
    colour: str = "blue"
    steps: list[dict[str, Any]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    plan: _release.Plan = field(default_factory=_release.Plan)


class App:
    """One application of the host. C(root) and C(state_dir) have a folder for each."""

    def __init__(self, name, root, state_dir, settings, secrets=()):
        self.name = name
        self.settings = settings
        self.state = State(os.path.join(state_dir, name))
        self.store = Store(os.path.join(root, name))
        self.host = Host(name, self.state, secrets)

    # Looking.

    def look(self, target, installed=True):
        """What would be done, and what serves now. Changes nothing."""
        containers = self.host.containers() if installed else []
        wanted = self.settings.wanted(target)
        live = self.state.live
        held = None if self.settings.retry else self.state.held
        plan = _release.plan(wanted, live, containers, self.state.canary, held)
        kind = self._kind(target, plan, containers)
        if kind.canary and not plan.start and self.state.canary == self.settings.canary:
            plan = _release.Plan(found=plan.found)
        before = _release.live_release(wanted, live, containers)
        return (
            Result(
                changed=not plan.nothing,
                release=target.id if plan.switch_to and not kind.canary else before or target.id,
                previous=before,
                colour=live if kind.canary else plan.switch_to or live,
                found=list(plan.found),
                plan=plan,
            ),
            kind,
        )

    def _kind(self, target, plan, containers):
        replaces = bool(plan.stop) and plan.stop == self.state.live and plan.switch_to is not None
        app = target.app
        return _release_steps.Kind(
            build=bool(app.get("source")),
            migrate=target.migrates,
            canary=self.settings.canary is not None and replaces,
            rollback=self.settings.rolls_back,
            ask=self.settings.ask_nginx,
            bake=replaces and (self.settings.bake(app) > 0 or self.settings.linger(app) > 0),
        )

    def serving(self):
        """The release that serves, as its container says; None without one or without Docker."""
        try:
            wanted = _release.Wanted(self.name, "", frozenset(), None)
            return _release.live_release(wanted, self.state.live, self.host.containers())
        except Failed:
            return None

    def told(self):
        """What serves, as the end of a message."""
        try:
            self.host.containers()
        except Failed:
            return "what serves can't be asked while Docker does not answer"
        serving = self.serving()
        return f"{serving} serves on" if serving else "nothing serves"

    # Releasing.

    def release(self, target, action="release"):
        """Have a release serve. Raises C(Failed), for a run that is at work already as well."""
        self.host.secrets += target.secret_values()
        result, _kind = self.look(target)
        if not result.changed:
            return result
        try:
            with self.state.lock(action, target.id) as interrupted:
                return self._locked(target, action, interrupted)
        except Busy as busy:
            raise Failed(str(busy)) from None

    def _locked(self, target, action, interrupted):
        found = _story(interrupted) + self._heal(target)
        result, kind = self.look(target)
        if not result.changed:
            result.changed = bool(found)
            result.found = found + result.found
            return result
        result.found = found + result.found
        steps = Steps(self.host, self.store, self.settings, target, result.plan, kind)
        result.steps = steps.taken
        outcome, reason = "canary" if kind.canary else "released", ""
        try:
            steps.run()
        except Failed as error:
            outcome, reason = "failed", str(error)
            error.steps = steps.taken
            error.found = result.found
            raise
        except BaseException as error:
            outcome, reason = "failed", self.host.hide(repr(error))
            raise
        finally:
            self._log(action, target, result, steps.taken, outcome, reason)
        return result

    def _heal(self, target):
        """Serve with what runs, before anything else: a flag may name a colour that is gone."""
        wanted = self.settings.wanted(target)
        containers = self.host.containers()
        live, found = self.state.live, []
        colour = _release.healed(wanted, live, containers)
        if colour:
            self.state.flip(colour)
            found.append(f"{live} was to serve and did not run; switched to {colour}, which does")
        idle = _release.other(self.state.live)
        if self.state.canary is not None and not _release.live_release(wanted, idle, containers):
            self.state.end_canary()
            found.append("the canary did not run any more; all requests go to the live release")
        return found

    def _log(self, action, target, result, steps, outcome, reason):
        with suppress(OSError):
            self._write_log(action, target, result, steps, outcome, reason)

    def _write_log(self, action, target, result, steps, outcome, reason):
        images = (self.store.load(target.id) or target).about.get("images") or {}
        self.state.log(
            {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "by": self.settings.by,
                "action": action,
                "release": target.id,
                "version": target.version,
                "images": {ref: image["id"] for ref, image in images.items()},
                "previous": result.previous,
                "found": result.found,
                "steps": steps,
                "outcome": outcome,
                "reason": reason,
            }
        )

    # Going back.

    def rollback(self, to=None, check=False):
        """Return to a kept release: the one before, or the one of a name or version.

        A canary is ended instead, and a release that still bakes is left at once.
        """
        serving = self.serving()
        if self.state.canary is not None and to is None:
            return self._end_canary(serving, check)
        if to is None and self.state.at_work().get("step") == "bake" and not check:
            result = self._leave_bake(serving)
            if result:
                return result
        target = self._choose(to, serving)
        if target.id == serving:
            return Result(release=serving, previous=serving, colour=self.state.live)
        if check:
            return self.look(target)[0]
        result = self.release(target, "rollback")
        if result.changed and serving:
            self.state.hold(serving)
        return result

    def _choose(self, to, serving):
        kept = self.store.kept()
        names = ", ".join(target.id for target in kept) or "none"
        if to is not None:
            fitting = [target for target in kept if to in (target.id, target.version)]
            if not fitting:
                raise Failed(f"release {to} is not kept on this host; kept are: {names}")
            return fitting[-1]
        served = next((target.served for target in kept if target.id == serving), float("inf"))
        older = [target for target in kept if target.served < served and target.id != serving]
        if not older:
            raise Failed(
                f"no release from before {serving or 'now'} is kept on this host; kept are: {names}; "
                "name one with 'to', or deploy a version"
            )
        return older[-1]

    def _leave_bake(self, serving):
        """Flip back under a run that bakes, which notices and tidies up. None where its bake has just ended."""
        start = time.monotonic()
        with self.state.window():
            if self.state.at_work().get("step") != "bake":
                return None
            colour = _release.other(self.state.live)
            self.state.flip(colour)
        seconds = round(time.monotonic() - start, 4)
        deadline = time.monotonic() + BAKE_ENDS
        while time.monotonic() < deadline and self.state.at_work():
            time.sleep(_release_gate.POLL)
        result = Result(
            changed=True,
            release=self.serving(),
            previous=serving,
            colour=colour,
            steps=[{"step": "flip", "seconds": seconds}],
            found=["the release before was still running, in the bake of the new one"],
        )
        self._log_rollback(result, "released")
        return result

    def _log_rollback(self, result, outcome):
        """What has no release of its own to tell: the end of a bake or of a canary."""
        self.state.log(
            {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "by": self.settings.by,
                "action": "rollback",
                "release": result.release,
                "previous": result.previous,
                "found": result.found,
                "steps": result.steps,
                "outcome": outcome,
                "reason": "",
            }
        )

    def _end_canary(self, serving, check):
        idle = _release.other(self.state.live)
        result = Result(True, serving, serving, self.state.live, found=["a canary is ended"])
        if check:
            return result
        try:
            with self.state.lock("rollback", serving):
                self.state.end_canary()
                _release_gate.drain(
                    self.host, self.settings.ports[idle], self.settings.drain_timeout
                )
                self.host.remove(f"{self.name}-{idle}")
                self._log_rollback(result, "canary ended")
        except Busy as busy:
            raise Failed(str(busy)) from None
        return result


def _story(interrupted):
    if not interrupted:
        return []
    return [
        f"a run of {interrupted.get('action')} {interrupted.get('release')}, begun at {interrupted.get('since')}, "
        f"ended without a word at step {interrupted.get('step')}"
    ]


def entry(app, secrets):
    """The entry as the inventory has it: the public part with the secrets back in their places."""
    whole = {**app, "secrets": secrets.get("app") or {}}
    for group in ("services", "accessories"):
        whole[group] = {
            name: {**(one or {}), "secrets": (secrets.get(group) or {}).get(name) or {}}
            for name, one in (app.get(group) or {}).items()
        }
    return whole


def secret_values(secrets):
    nested = [
        one for group in ("services", "accessories") for one in (secrets.get(group) or {}).values()
    ]
    own = [secrets.get("app") or {}, secrets.get("source") or {}]
    return [str(value) for one in own + nested for value in one.values()]


def application(params):
    """The application of the host, and the release that the entry asks for, by the arguments of app_release."""
    whole = entry(params["app"], params["secrets"])
    faults = _compose_file.compose_faults(whole) if whole.get("compose") else []
    if faults:
        raise Failed("; ".join(faults))
    back = params.get("state") == "rolled_back"
    defaults = params["container_defaults"]
    settings = Settings(
        ports=params["ports"],
        accessories=None if back else _compose.accessories(whole, defaults),
        leave_accessories=back,
        rolls_back=back,
        retry=back or params.get("retry", False),
        token=(params["secrets"].get("source") or {}).get("token") or "",
        **{name: params[name] for name in SETTINGS if name in params},
    )
    app = App(
        whole["name"],
        params["root"],
        params["state_dir"],
        settings,
        secret_values(params["secrets"]),
    )
    return app, target(whole, defaults, params["singletons"])


def target(app, defaults=None, singletons=True):
    """The release that an entry of C(apps) asks for. The entry has its secrets in it."""
    bundle = _compose.release(app, defaults, singletons)
    return Target(bundle.id, _public(app), bundle.public, bundle.secret)


def _public(app):
    """What is kept of an entry beside a release: no secret, and nothing that the documents have."""
    kept = (
        "name",
        "domain",
        "aliases",
        "version",
        "health",
        "websocket",
        "deploy",
        "image",
        "source",
    )
    return {key: app[key] for key in kept if app.get(key) is not None}
