#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sentry_release
short_description: Releases at Sentry or Bugsink, with their commits and deploys
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Creates releases, sets their commits, finalizes them and registers where they were deployed, with the requests that Sentry's
    own client makes and no more of them.
  - One release is described by the options themselves, several in one task by O(releases).
  - Run it where the token and the checkout are, which is the controller (C(delegate_to=localhost)).
extends_documentation_fragment: [farol.vps.sentry]
requirements:
  - C(git) (2.31 or newer), for O(git).
notes:
  - Sentry tells of each environment the last deploy of a release only. An earlier one with another name is registered again.
  - Sentry fetches the commits of O(refs) after it has answered. A run before it has done so sets them again, and says so.
attributes:
  check_mode:
    description: Asks Sentry, changes nothing.
    support: full
  diff_mode:
    description: Shows what a release has of what is wanted, before and after. Never a token.
    support: full
  idempotent:
    description: A second run finds everything as wanted. A deploy, which Sentry would make again, is looked up.
    support: full
options:
  version:
    description: Name of the release. P(farol.vps.sentry_version#filter) makes one of a version.
    type: str
  projects:
    description: Slugs of the projects that it is of. For Bugsink numbers, slugs or names.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) has the release, V(finalized) has it released as well, V(deployed) has O(deploy) registered for it, too.
        Each of them takes an archived release back.
      - V(archived) hides it. Sentry does not say whether that changed anything, so the release is looked at first.
      - V(absent) removes it. Sentry refuses that for a release with events.
      - Bugsink knows releases and nothing else of this. V(finalized) and V(deployed) are V(present) there.
    type: str
    choices: [present, finalized, deployed, absent, archived]
    default: present
  release_url:
    description: Where to read about the release.
    type: str
  commits:
    description:
      - Its commits, the newest first, as P(farol.vps.sentry_commits#filter) gives them.
      - Each has its SHA of at most 64 characters as C(id), and may have C(repository) (C(origin)), C(message), C(author_name), C(author_email),
        C(timestamp) (C(2026-11-25T10:00:00Z)) and C(patch_set), a list of files with C(path) and C(type), which is C(A), C(M) or C(D).
    type: list
    elements: dict
    default: []
  refs:
    description: The same by reference, for repositories that Sentry is connected to. It fetches the commits by itself.
    type: list
    elements: dict
    default: []
    suboptions: &ref
      repository:
        description: Its name at Sentry, such as V(acme/api).
        type: str
        required: true
      commit:
        description: The last commit.
        type: str
        required: true
      previous:
        description: The last commit of the release before. Sentry's own record unless set.
        type: str
  git:
    description: The commits since the release before, from a checkout where this runs.
    type: dict
    suboptions: &checkout
      path:
        description: Folder of the checkout.
        type: path
        required: true
      version:
        description: What is released, a tag, a branch, a commit, or the name of a release.
        type: str
        default: HEAD
      previous:
        description:
          - What was released before, in the same forms. Unless set it is the last release with commits at Sentry.
          - The task fails where the checkout does not have it.
        type: str
      repository:
        description: The repository's name. With O(git.send=refs) as Sentry knows it.
        type: str
        default: origin
      send:
        description: Whether Sentry gets the commits themselves or what they are called.
        type: str
        choices: [commits, refs]
        default: commits
      depth:
        description: How many commits to take where there was no release before.
        type: int
        default: 20
      ignore_missing:
        description:
          - Take O(git.depth) commits where the checkout does not have the release before.
          - Where it does not have O(git.version), or is none, the release gets no commits, with a warning.
        type: bool
        default: false
  deploy:
    description: Where and when it was deployed, for O(state=deployed).
    type: dict
    suboptions: &deployed
      environment:
        description: Where to, such as V(production).
        type: str
        required: true
      name:
        description: What tells it from others. The same environment and the same name are the same deploy.
        type: str
      url:
        description: Where the application is.
        type: str
      started:
        description: When it began, in seconds since 1970.
        type: float
      finished:
        description: When it ended, in seconds since 1970. Now unless set.
        type: float
      since:
        description:
          - Seconds since 1970 before which a deploy with this environment and name does not count. Without it a version that returns is not
            registered again.
        type: float
  releases:
    description:
      - Several releases, each with what differs from the options above. One that fails does not stop the others, unless they would
        meet the same.
    type: list
    elements: dict
    suboptions:
      version:
        description: As above.
        type: str
        required: true
      projects:
        description: As above.
        type: list
        elements: str
      state:
        description: As above.
        type: str
        choices: [present, finalized, deployed, absent, archived]
      release_url:
        description: As above.
        type: str
      commits:
        description: As above.
        type: list
        elements: dict
      refs:
        description: As above.
        type: list
        elements: dict
        suboptions: *ref
      git:
        description: As above.
        type: dict
        suboptions: *checkout
      deploy:
        description: As above.
        type: dict
        suboptions: *deployed
"""

EXAMPLES = r"""
- name: Create a release, with the commits since the one before
  farol.vps.sentry_release:
    organization: acme
    token: "{{ vault_sentry_token }}"
    version: "{{ '1.4.2' | farol.vps.sentry_version('api') }}"
    projects: [api]
    git: {path: ~/src/api, version: v1.4.2}
  delegate_to: localhost

- name: Say that it is in production
  farol.vps.sentry_release:
    token: "{{ vault_sentry_token }}"   # begins with sntrys_, so it knows its organization
    version: api@1.4.2
    projects: [api]
    state: deployed
    deploy: {environment: production, url: https://api.example.com}
  delegate_to: localhost

- name: Archive two old ones
  farol.vps.sentry_release:
    token: "{{ vault_sentry_token }}"
    state: archived
    releases:
      - version: api@1.3.0
      - version: api@1.3.1
  delegate_to: localhost

- name: Tell a Bugsink of one's own
  farol.vps.sentry_release:
    backend: bugsink
    url: https://errors.example.com
    token: "{{ vault_bugsink_token }}"
    version: api@1.4.2
    projects: [api]
  delegate_to: localhost
"""

RETURN = r"""
releases:
  description: Each release, in the order of the task.
  type: list
  elements: dict
  returned: always
  contains:
    version:
      description: Its name.
      type: str
      sample: api@1.4.2
    changed:
      description: Whether anything was done.
      type: bool
    did:
      description: What was done, or would be.
      type: list
      elements: str
      sample: [create, set commits, finalize, deploy]
    release:
      description: What the server has of it. Nothing for O(state=absent) and in check mode for one that is new.
      type: dict
    deploy:
      description: The deploy, for O(state=deployed).
      type: dict
    error:
      description: What went wrong with it. Empty where nothing did.
      type: str
requests:
  description: How many requests were sent.
  type: int
  returned: always
  sample: 3
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError
from ansible_collections.farol.vps.plugins.module_utils._sentry_bugsink import Bugsink
from ansible_collections.farol.vps.plugins.module_utils._sentry_git import Checkout
from ansible_collections.farol.vps.plugins.module_utils._sentry_options import CONNECTION, connect
from ansible_collections.farol.vps.plugins.module_utils._sentry_release import Outcome, Sentry, Wish

STATES = ["present", "finalized", "deployed", "absent", "archived"]
REF = {
    "repository": {"type": "str", "required": True},
    "commit": {"type": "str", "required": True},
    "previous": {"type": "str"},
}
GIT = {
    "path": {"type": "path", "required": True},
    "version": {"type": "str", "default": "HEAD"},
    "previous": {"type": "str"},
    "repository": {"type": "str", "default": "origin"},
    "send": {"type": "str", "choices": ["commits", "refs"], "default": "commits"},
    "depth": {"type": "int", "default": 20},
    "ignore_missing": {"type": "bool", "default": False},
}
DEPLOY = {
    "environment": {"type": "str", "required": True},
    "name": {"type": "str"},
    "url": {"type": "str"},
    "started": {"type": "float"},
    "finished": {"type": "float"},
    "since": {"type": "float"},
}
RELEASE = {
    "projects": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": STATES},
    "release_url": {"type": "str"},
    "commits": {"type": "list", "elements": "dict"},
    "refs": {"type": "list", "elements": "dict", "options": REF},
    "git": {"type": "dict", "options": GIT},
    "deploy": {"type": "dict", "options": DEPLOY},
}
DEFAULTS = {"projects": [], "state": "present", "commits": [], "refs": []}
SPEC = {
    **CONNECTION,
    "version": {"type": "str"},
    **{
        key: {**option, **({"default": DEFAULTS[key]} if key in DEFAULTS else {})}
        for key, option in RELEASE.items()
    },
    "releases": {
        "type": "list",
        "elements": "dict",
        "options": {"version": {"type": "str", "required": True}, **RELEASE},
    },
}


def wishes(params):
    """One wish for each release, whose own values go before those of the task."""
    entries = [params] if params["releases"] is None else params["releases"]
    for entry in entries:
        chosen = {key: params[key] if entry[key] is None else entry[key] for key in RELEASE}
        commits = [{"repository": "origin", **each} for each in chosen["commits"]]
        yield Wish(
            version=entry["version"],
            projects=chosen["projects"],
            state=chosen["state"],
            url=chosen["release_url"],
            commits=commits,
            refs=chosen["refs"],
            git=chosen["git"],
            deploy=chosen["deploy"] if chosen["state"] == "deployed" else None,
        )


def opener(module):
    """How a folder's Git history is opened."""

    def run(command):
        if module.get_bin_path("git") is None:
            return 127, "", "git is not installed here"
        # Its messages are recognised.
        return module.run_command(
            command, environ_update={"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}, errors="replace"
        )

    return lambda path: Checkout(path, run)


def listed(outcome, error=""):
    keys = ("version", "changed", "did", "release", "deploy")
    return {**{key: getattr(outcome, key) for key in keys}, "error": error}


def ensure_all(server, wanted):
    """Each outcome with its error, which is empty where all is well."""
    stopped = ""
    for wish in wanted:
        if stopped:
            yield Outcome(wish.version), f"{wish.version}: left out after that"
            continue
        try:
            yield server.ensure(wish), ""
        except SentryError as error:
            stopped = str(error) if error.fatal else ""
            yield Outcome(wish.version), str(error)


def main():
    module = AnsibleModule(
        argument_spec=SPEC,
        mutually_exclusive=[("version", "releases")],
        required_one_of=[("version", "releases")],
        supports_check_mode=True,
    )
    params = module.params
    wanted = list(wishes(params))
    faults = [f"{wish.version}: {fault}" for wish in wanted for fault in wish.faults()]
    try:
        if faults:
            raise SentryError("; ".join(faults))
        account, api = connect(params)
    except SentryError as error:
        module.fail_json(msg=str(error), releases=[], requests=0)
    for warning in account.warnings:
        module.warn(warning)
    if params["backend"] == "bugsink":
        server = Bugsink(api, check=module.check_mode)
    else:
        server = Sentry(api, account.organization, opener(module), check=module.check_mode)
    ended = list(ensure_all(server, wanted))
    for outcome, _error in ended:
        for warning in outcome.warnings:
            module.warn(warning)
    result = {
        "changed": any(outcome.changed for outcome, _error in ended),
        "releases": [listed(outcome, error) for outcome, error in ended],
        "requests": api.asked,
    }
    if module._diff:
        changed = [outcome for outcome, _error in ended if outcome.changed]
        result["diff"] = {
            "before": {outcome.version: outcome.before for outcome in changed},
            "after": {outcome.version: outcome.after for outcome in changed},
        }
    errors = [error for _outcome, error in ended if error]
    if errors:
        module.fail_json(msg="; ".join(errors), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
