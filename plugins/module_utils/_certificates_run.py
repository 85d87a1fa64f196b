# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All certificates of a host: prepared so that Nginx can start, then obtained and served."""

from __future__ import annotations

from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils import _certificates_reach as reach
from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    Certificate,
    CertificatesError,
    Leaf,
    leaf_faults,
    leaf_warnings,
    reason_to_obtain,
    wish_faults,
)
from ansible_collections.farol.vps.plugins.module_utils._certificates_job import (
    Job,
    Outcome,
    State,
    refuse,
)
from ansible_collections.farol.vps.plugins.module_utils._certificates_wire import (
    Expected,
    Unreachable,
)


def prepare(wishes: list[Certificate], job: Job) -> Outcome:
    """Refuse what can never work, and give every name a certificate that Nginx can start with."""
    faults = wish_faults(wishes)
    outcome = Outcome.begin([wish for wish in wishes if not wish_faults([wish])], job)
    for each in outcome.states:
        faults += [f"{each.wish.name}: {fault}" for fault in _faults(each, job)]
    refuse(faults)
    outcome.warnings = [
        warning
        for each in outcome.states
        if each.leaf and not each.wish.acme
        for warning in leaf_warnings(each.wish, each.leaf, job.now)
    ]
    if outcome.acme and not job.links.prepared():
        outcome.changed = True
        if not job.check:
            job.links.prepare()
    for each in outcome.acme:
        outcome.changed |= _prepare(each, job)
    return outcome


def _faults(each: State, job: Job) -> list[str]:
    if each.wish.acme:
        fault = job.links.fault(each.wish.name)
        return [fault] if fault else []
    if each.error:
        return [each.error]
    if each.leaf is None or (job.check and each.wish.source == "local_ca"):
        return []
    return leaf_faults(each.wish, each.leaf, job.now)


def _prepare(each: State, job: Job) -> bool:
    name, links, held = each.wish.name, job.links, each.held
    leaf = held.lineage or held.placeholder
    wanted = links.lineage(name) if held.lineage else links.placeholder(name)
    if leaf and held.target == wanted:
        return False
    if job.check:
        each.leaf, each.placeholder = leaf, held.lineage is None
        each.note = "" if leaf else ", a placeholder would be made"
        return True
    if not leaf:
        host.make_placeholder(wanted, each.wish.domains)
    links.lead(name, wanted)
    each.look(job)
    return True


def obtain(wishes: list[Certificate], job: Job) -> Outcome:
    """Obtain what is due, one by one, and see that Nginx serves what there is."""
    refuse(wish_faults(wishes))
    outcome = Outcome.begin(wishes, job)
    due = _reachable([each for each in outcome.acme if _is_due(each, job)], job)
    for each in due:
        if job.check:
            each.pending = outcome.changed = True
            each.note = f", would be obtained since {each.reason}"
        else:
            each.error = _obtain(each, job)
            outcome.changed |= not each.error
    for each in outcome.acme:
        outcome.changed |= _link(each, job)
    outcome.changed |= _tidy(outcome, job)
    outcome.changed |= _serve(outcome, job)
    return outcome


def _is_due(each: State, job: Job) -> bool:
    wish, certbot = each.wish, job.certbot
    lineage = each.held.lineage
    if wish.dns and not certbot.credentials.get(wish.dns):
        each.error = f"dns_credentials has no file for {wish.dns}; add one"
    else:
        each.error = certbot.damage(wish.name, lineage is not None)
    if each.error:
        return False
    each.reason = _reason(wish, lineage, job)
    return bool(each.reason)


def _reason(wish: Certificate, lineage: Leaf | None, job: Job) -> str:
    renewal = job.certbot.renewal(wish.name)
    return reason_to_obtain(wish, lineage, renewal, job.certbot.wanted(wish), job.now)


def _reachable(due: list[State], job: Job) -> list[State]:
    """Those whose domains lead here, as far as that matters; the others get their error."""
    over_http = [each for each in due if not each.wish.dns]
    domains = {domain for each in over_http for domain in each.wish.domains}
    try:
        own = (job.addresses or reach.own_addresses()) if domains and job.resolve else None
        faults = reach.examine(domains, own, job.certbot.webroot, job.check)
    except CertificatesError as error:
        faults = dict.fromkeys(domains, str(error))
    for each in over_http:
        found = [faults[domain] for domain in each.wish.domains if faults[domain]]
        each.error = "; ".join(dict.fromkeys(found))
    return [each for each in due if not each.error]


def _obtain(each: State, job: Job) -> str:
    try:
        fault = job.certbot.obtain(each.wish)
    except CertificatesError as error:
        return str(error)
    each.look(job)
    # Without this, a difference that Certbot does not make up for would be tried with each run, till the limit.
    left = "" if fault else _reason(each.wish, each.held.lineage, job)
    if left:
        return (
            f"Certbot succeeded, and still the certificate is not as it should be: {left}; "
            "look at 'certbot certificates' on the host"
        )
    return fault


def _link(each: State, job: Job) -> bool:
    """Have the link lead to the lineage if there is one."""
    name, links, held = each.wish.name, job.links, each.held
    changed = held.lineage is not None and held.target != links.lineage(name)
    if changed and job.check:
        each.pending = True
    elif changed:
        links.prepare()
        links.lead(name, links.lineage(name))
        each.look(job)
    return changed


def _tidy(outcome: Outcome, job: Job) -> bool:
    """Only now, since until Nginx had its new configuration it may have named what is no longer wanted."""
    names = {each.wish.name for each in outcome.acme}
    pending = {each.wish.name for each in outcome.acme if each.pending}
    left = job.links.leftovers(names, pending)
    outcome.before += "".join(f"{path}\n" for path in left)
    if not job.check:
        job.links.remove(left)
    return bool(left)


def _serve(outcome: Outcome, job: Job) -> bool:
    """Reload Nginx if it serves anything else than the files; return whether it was reloaded."""
    states = {each.wish.name: each for each in outcome.states if each.leaf and not each.pending}
    expected = {
        name: Expected(each.wish.server_name, _path(each, job), each.leaf)
        for name, each in states.items()
        if each.leaf
    }
    try:
        stale = job.wire.faults(expected)
    except Unreachable as error:
        # A check run may come before Nginx does.
        fault = "" if job.check else f"nothing answers at {job.wire} ({error}); start Nginx"
        for each in states.values():
            each.error = each.error or fault
        return False
    for name in stale:
        states[name].note = ", served by Nginx after a reload"
    if stale and not job.check:
        left = job.wire.settle({name: expected[name] for name in stale}, job.reload_command)
        for name, fault in left.items():
            states[name].error = states[name].error or fault
    return bool(stale)


def _path(each: State, job: Job) -> str:
    return each.wish.certificate or f"{job.links.path(each.wish.name)}/fullchain.pem"
