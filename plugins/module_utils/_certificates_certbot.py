# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certbot, from 1.21 to 4: how it is called, and what it keeps for renewals."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils._certificates import Certificate
from ansible_collections.farol.vps.plugins.module_utils._certificates_failures import (
    LOCKED,
    explain,
)

FOLDER = "/etc/letsencrypt"
LOCK_SECONDS = 60
# Certbot 2.1, Debian 12's, fails with this at telling what the server said.
HIDDEN = "AttributeError: can't set attribute"
# Its own requests give up after 45 s each.
LIMIT = 300

SETTING = re.compile(r"^\s*([a-z_]+) = (.*?),?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Certbot:
    """How Certbot is to obtain certificates on this host."""

    server: str
    email: str = ""
    ca_file: str = ""
    webroot: str = "/var/www/acme"
    letsencrypt: str = FOLDER
    credentials: Mapping[str, str] = field(default_factory=dict)
    propagation: int = 30
    log: str = "/var/log/letsencrypt/letsencrypt.log"

    def argv(self, wish: Certificate) -> list[str]:
        """The command. Nothing in it is secret."""
        argv = ["certbot", "certonly", "--non-interactive", "--agree-tos"]
        # It writes down where its folder is, which is left to it where it is the usual one.
        argv += ["--config-dir", self.letsencrypt] if self.letsencrypt != FOLDER else []
        argv += ["--server", self.server]
        argv += ["--email", self.email] if self.email else ["--register-unsafely-without-email"]
        argv += ["--cert-name", wish.name, "--key-type", "ecdsa", "--elliptic-curve", "secp256r1"]
        # The first answers what it asks when names change, the second when they do not. Neither is kept for renewals.
        argv += ["--renew-with-new-domains", "--force-renewal"]
        if wish.dns:
            option = f"--dns-{wish.dns}"
            argv += [option, f"{option}-credentials", self.credentials[wish.dns]]
            argv += [f"{option}-propagation-seconds", str(self.propagation)]
        else:
            argv += ["--webroot", "--webroot-path", self.webroot]
        return [*argv, *(part for domain in wish.domains for part in ("--domain", domain))]

    def wanted(self, wish: Certificate) -> dict[str, str]:
        """What a lineage has to be renewed by."""
        if wish.dns:
            path = os.path.abspath(self.credentials[wish.dns])
            how = {"authenticator": f"dns-{wish.dns}", f"dns_{wish.dns}_credentials": path}
        else:
            how = {"authenticator": "webroot", "webroot_path": os.path.abspath(self.webroot)}
        return {"server": self.server, **how}

    def renewal(self, name: str) -> dict[str, str]:
        """What a lineage is renewed by, empty if Certbot does not know it."""
        try:
            with open(self._renewal(name), encoding="utf-8", errors="replace") as stream:
                return dict(SETTING.findall(stream.read()))
        except FileNotFoundError:
            return {}

    def damage(self, name: str, usable: bool) -> str:
        """Why Certbot must not run, empty if it may.

        It would obtain a certificate and find no place for it, or another place, with each run.
        """
        known = self._renewal(name)
        if os.path.lexists(known) and usable and self.renewal(name).get("server"):
            return ""
        folders = (os.path.join(self.letsencrypt, kind, name) for kind in ("live", "archive"))
        there = [folder for folder in folders if os.path.isdir(folder) and os.listdir(folder)]
        if os.path.lexists(known):
            return (
                f"{known} or what it names is damaged; restore it from a backup, "
                f"or move {', '.join([known, *there])} away"
            )
        if not there:
            return ""
        return (
            f"Certbot does not know {' and '.join(there)} without {known}; "
            "restore that file, or move the folders away"
        )

    def obtain(self, wish: Certificate) -> str:
        """Run Certbot, and say what is wrong, empty if nothing is."""
        env = {"REQUESTS_CA_BUNDLE": self.ca_file} if self.ca_file else {}
        limit = LIMIT + (self.propagation if wish.dns else 0)
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            done = host.run(self.argv(wish), limit, env)
            said = f"{done.out}\n{done.err}"
            if HIDDEN in said:
                said = self._logged() or said
            if done.code == 0:
                return ""
            if LOCKED not in said or time.monotonic() >= deadline:
                return explain(said, self._words(wish))
            time.sleep(1)

    def _logged(self) -> str:
        """The last answer of an ACME server in the log."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as stream:
                answers = [line for line in stream if line.startswith("acme.messages.Error: ")]
        except FileNotFoundError:
            return ""
        return answers[-1].partition(": ")[2] if answers else ""

    def _words(self, wish: Certificate) -> dict[str, str]:
        return {
            "server": f"the ACME server {self.server}",
            "host": urlsplit(self.server).netloc,
            "name": wish.name,
            "dns": wish.dns,
            "credentials": self.credentials.get(wish.dns, ""),
            "letsencrypt": self.letsencrypt,
        }

    def _renewal(self, name: str) -> str:
        return os.path.join(self.letsencrypt, "renewal", f"{name}.conf")
