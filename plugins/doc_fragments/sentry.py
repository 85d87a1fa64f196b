# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the modules for Sentry reach it."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of the server, such as V(https://de.sentry.io) or your own. V(https://sentry.io) unless set.
      - The address in a token that begins with C(sntrys_) wins, with a warning where it is another one.
    type: str
    default: ""
  organization:
    description:
      - Slug of the organization. Needed for Sentry, unless O(token) begins with C(sntrys_).
      - The one in the token wins, with a warning where it is another one.
    type: str
    default: ""
  token:
    description:
      - A token of an organization (C(org:ci)) or of a user (C(project:releases)). For Bugsink one that may read and create releases.
    type: str
    required: true
  backend:
    description: What answers at O(url).
    type: str
    choices: [sentry, bugsink]
    default: sentry
  timeout:
    description: Seconds that one request may take.
    type: float
    default: 30
  retries:
    description:
      - How often a request is repeated when there was no connection, or an answer of 502, 503, 504, 507 or 524.
      - Only requests are that may be repeated. A deploy is looked up before it is asked for again.
    type: int
    default: 5
  retry_delay:
    description: Seconds before the first repetition. Each further one waits twice as long, up to 5 seconds.
    type: float
    default: 1
  rate_limit_wait:
    description: Seconds that may be waited in all where the server answers 429 and says for how long.
    type: float
    default: 120
  ca_path:
    description: File with the authorities to trust in place of the system's, for a server with a certificate of a private one.
    type: path
  validate_certs:
    description: Whether the server has to show a certificate that is trusted.
    type: bool
    default: true
  use_proxy:
    description: Whether the proxy of the environment (C(https_proxy), C(no_proxy)) is used.
    type: bool
    default: true
"""
