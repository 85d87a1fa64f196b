# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of the module certificates works with, and what it tells of each certificate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    Certificate,
    CertificatesError,
    Leaf,
    moment,
    report,
)
from ansible_collections.farol.vps.plugins.module_utils._certificates_certbot import Certbot
from ansible_collections.farol.vps.plugins.module_utils._certificates_links import (
    NOTHING,
    Held,
    Links,
)
from ansible_collections.farol.vps.plugins.module_utils._certificates_reach import Address
from ansible_collections.farol.vps.plugins.module_utils._certificates_wire import Wire


@dataclass(frozen=True)
class Job:
    """What to do it with, and whether only to say what would be done."""

    links: Links
    certbot: Certbot
    wire: Wire
    reload_command: list[str]
    addresses: list[Address]
    resolve: bool
    now: float
    check: bool = False


@dataclass(eq=False)
class State:
    """A certificate as the run goes on."""

    wish: Certificate
    held: Held = NOTHING
    leaf: Leaf | None = None
    placeholder: bool = False
    error: str = ""
    # In check mode, that a real run would have put other files in place.
    pending: bool = False
    # Why Certbot has to run.
    reason: str = ""
    # What the diff says of it beside its end.
    note: str = ""

    def look(self, job: Job) -> None:
        """Read what is there now."""
        if self.wish.acme:
            self.held = held = job.links.look(self.wish.name)
            self.placeholder = held.target == job.links.placeholder(self.wish.name)
            linked = held.target == job.links.lineage(self.wish.name)
            self.leaf = held.placeholder if self.placeholder else held.lineage if linked else None
            return
        try:
            self.leaf = host.read_pair(self.wish.certificate, self.wish.key)
        except CertificatesError as error:
            # In a check run nobody has signed it.
            self.error = "" if job.check and self.wish.source == "local_ca" else str(error)

    def line(self) -> str:
        """How it stands in the diff."""
        kind = "placeholder" if self.placeholder else self.wish.source
        until = f"{kind} until {moment(self.leaf.not_after)}" if self.leaf else "none"
        return f"{self.wish.name}: {until}{self.note}\n"


@dataclass
class Outcome:
    """What became of all of them."""

    states: list[State]
    before: str
    changed: bool = False
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, wishes: Iterable[Certificate], job: Job) -> Outcome:
        states = [State(wish) for wish in wishes]
        for each in states:
            each.look(job)
        return cls(states, _lines(states))

    @property
    def acme(self) -> list[State]:
        return [each for each in self.states if each.wish.acme]

    def as_dict(self, now: float) -> dict[str, object]:
        """The form in which the module returns it."""
        failed = [each for each in self.states if each.error]
        return {
            "changed": self.changed,
            "certificates": [
                report(each.wish, each.leaf, each.placeholder, each.error, now)
                for each in self.states
            ],
            "failed_names": [each.wish.name for each in failed],
            "warnings": [
                *self.warnings,
                *(f"certificate {each.wish.name}: {each.error}" for each in failed),
            ],
            "diff": {
                "before": self.before,
                "after": _lines(self.states),
                "before_header": "certificates",
                "after_header": "certificates",
            },
        }


def refuse(faults: list[str]) -> None:
    """End the run if there are any, with all of them."""
    if faults:
        raise CertificatesError("\n- ".join(["the certificates are not changed, since", *faults]))


def _lines(states: Iterable[State]) -> str:
    return "".join(each.line() for each in states)
