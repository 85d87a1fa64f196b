# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sentry_version
short_description: A version as the name of a release that Sentry accepts, and back
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Takes what C(git describe) prints, a tag, a branch or a commit of Git, or the tag, the digest or the whole reference of an image.
  - With a package before it the name is C(package@version), of which Sentry reads semantic versions.
  - Commits after a tag become build metadata, C(1.4.2+14.gabc1234), since C(1.4.2-14-gabc1234) would count as older than C(1.4.2).
  - A C(v) before a number is dropped, without which Sentry sees no semantic version. A slash, which Sentry refuses, becomes a tilde, which
    no tag and no branch can have.
  - A name of more than 200 characters is cut, and ends with a digest of the whole.
positional: _input, package
options:
  _input:
    description: The version, or with O(reverse) the name.
    type: str
    required: true
  package:
    description: The package. The image's own name where O(_input) is a whole reference, and none otherwise.
    type: str
    default: ""
  keep_v:
    description: Keep the C(v) before a number.
    type: bool
    default: false
  reverse:
    description: Give the version that a name was made of. A dropped C(v), a registry and what was cut do not return.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the names of some versions
  ansible.builtin.debug:
    msg:
      - "{{ '1.4.2' | farol.vps.sentry_version('api') }}"                 # api@1.4.2
      - "{{ 'v1.4.2-14-gabc1234' | farol.vps.sentry_version('api') }}"    # api@1.4.2+14.gabc1234
      - "{{ 'ghcr.io/acme/api:1.4.2' | farol.vps.sentry_version }}"       # api@1.4.2
      - "{{ 'feature/login' | farol.vps.sentry_version('api') }}"         # api@feature~login
      - "{{ 'api@1.4.2+14.gabc1234' | farol.vps.sentry_version(reverse=true) }}"  # 1.4.2-14-gabc1234
"""

RETURN = r"""
_value:
  description: The name, or the version.
  type: str
  sample: api@1.4.2
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.module_utils._sentry import (
    SentryError,
    release_name,
    version_of,
)


def sentry_version(version, package="", keep_v=False, reverse=False):
    try:
        return version_of(str(version)) if reverse else release_name(version, package, keep_v)
    except SentryError as error:
        raise AnsibleFilterError(f"sentry_version: {error}") from error


class FilterModule:
    def filters(self):
        return {"sentry_version": sentry_version}
