# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _certificates_certbot as certbot
from ansible_collections.farol.vps.plugins.module_utils._certificates import Certificate

HIDDEN = """An unexpected error occurred:
AttributeError: can't set attribute
"""
LOG = """2026-11-25 04:50:01,000:DEBUG:acme.client:Received response:
Traceback (most recent call last):
acme.messages.Error: urn:ietf:params:acme:error:malformed :: an older answer
2026-11-25 04:51:01,000:DEBUG:acme.client:Received response:
acme.messages.Error: urn:ietf:params:acme:error:rateLimited :: too many certificates (5) already issued
"""


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (LOG, "has given or refused too many of late"),
        ("nothing of it", "Certbot failed; look at"),
        (None, "Certbot failed; look at"),
    ],
)
def test_what_debian_12s_certbot_hides_is_read_from_its_log(tmp_path, monkeypatch, log, told):
    if log is not None:
        (tmp_path / "log").write_text(log)
    done = certbot.host.Done(1, HIDDEN, "")
    monkeypatch.setattr(certbot.host, "run", lambda *_: done)
    own = certbot.Certbot("https://acme.test/dir", log=str(tmp_path / "log"))
    assert told in own.obtain(Certificate("api", ("api.example.com",)))
