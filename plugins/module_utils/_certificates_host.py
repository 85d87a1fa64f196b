# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands of the host, and what openssl reads out of PEM files and makes."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    CertificatesError,
    Leaf,
)
from ansible_collections.farol.vps.plugins.module_utils._health import shorten

PACKAGES = {"ip": "iproute2"}
BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
PUBLIC = re.compile(r"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", re.DOTALL)
# The object identifier of elliptic curve keys, as it stands in their DER.
EC = bytes.fromhex("06072a8648ce3d0201")
PLACEHOLDER_DAYS = 90

# Everything is said here, so that the host's own openssl.cnf has no part in it.
CONFIG = """[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = farol placeholder
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def run(
    argv: list[str],
    limit: float = 60,
    env: Mapping[str, str] | None = None,
    data: bytes = b"",
) -> Done:
    """Run a command in plain English, ended with all that it started after C(limit) seconds."""
    try:
        # AnsibleModule.run_command knows no limit of time.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            start_new_session=True,
        )
    except FileNotFoundError:
        package = PACKAGES.get(argv[0], argv[0])
        raise CertificatesError(
            f"there is no command {argv[0]} on this host; install the package {package}"
        ) from None
    late = ""
    try:
        out, err = process.communicate(data, timeout=limit)
    except subprocess.TimeoutExpired:
        late = f"no end within {limit:g} s\n"
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return Done(
        process.returncode, out.decode(errors="replace"), late + err.decode(errors="replace")
    )


def read_leaf(path: str) -> Leaf:
    """The first certificate of a PEM file, the one that a server shows as its own."""
    data = _read(path)
    block = BLOCK.search(data)
    if not block:
        hint = "; convert it with 'openssl x509 -inform der'" if data[:1] == b"\x30" else ""
        raise CertificatesError(f"{path} holds no PEM certificate{hint}")
    try:
        return parse_leaf(block[0].decode("ascii"))
    except ValueError as error:
        raise CertificatesError(f"{path} holds a damaged certificate: {error}") from None


def parse_leaf(pem: str) -> Leaf:
    """Raise ValueError if it is no certificate."""
    der = ssl.PEM_cert_to_DER_cert(pem)
    done = run(
        ["openssl", "x509", "-noout", "-serial", "-startdate", "-enddate", "-issuer", "-pubkey"]
        + ["-nameopt", "RFC2253,-esc_msb", "-ext", "subjectAltName"],
        data=pem.encode(),
    )
    fields = dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)
    public = PUBLIC.search(done.out)
    if done.code or public is None:
        raise ValueError(shorten(done.err))
    return Leaf(
        der=der,
        names=frozenset(name.lower() for name in re.findall(r"\bDNS:([^,\s]+)", done.out)),
        not_before=int(ssl.cert_time_to_seconds(fields["notBefore"])),
        not_after=int(ssl.cert_time_to_seconds(fields["notAfter"])),
        serial=fields["serial"],
        issuer=fields["issuer"].strip(),
        ecdsa=EC in base64.b64decode(public[1])[:32],
        public_key="".join(public[1].split()),
    )


def read_pair(certificate: str, key: str) -> Leaf:
    """The certificate, if the key belongs to it."""
    leaf = read_leaf(certificate)
    data = _read(key)
    if b"ENCRYPTED" in data:
        raise CertificatesError(
            f"{key} is encrypted, and Nginx cannot ask for its passphrase; "
            "decrypt it with 'openssl pkey -in OLD -out NEW'"
        )
    done = run(["openssl", "pkey", "-pubout", "-passin", "pass:"], data=data)
    public = PUBLIC.search(done.out)
    if done.code or public is None:
        raise CertificatesError(f"{key} holds no PEM key")
    if "".join(public[1].split()) != leaf.public_key:
        raise CertificatesError(
            f"{key} does not belong to {certificate}; give the key that it was made with"
        )
    return leaf


def make_placeholder(folder: str, domains: tuple[str, ...]) -> None:
    """A folder with a certificate of its own making and its key, there whole or not at all."""
    draft = os.path.join(os.path.dirname(folder), f".new-{os.path.basename(folder)}")
    for old in (draft, folder):
        shutil.rmtree(old, ignore_errors=True)
    os.makedirs(draft, mode=0o700)
    config, key = os.path.join(draft, "config"), os.path.join(draft, "privkey.pem")
    with open(config, "w", encoding="ascii") as stream:
        stream.write(CONFIG.format(names=",".join(f"DNS:{domain}" for domain in domains)))
    done = run(
        ["openssl", "req", "-x509", "-config", config, "-newkey", "ec", "-nodes", "-sha256"]
        + ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", str(PLACEHOLDER_DAYS)]
        + ["-keyout", key, "-out", os.path.join(draft, "fullchain.pem")]
    )
    if done.code:
        raise CertificatesError(f"openssl made no placeholder for {folder}: {shorten(done.err)}")
    os.unlink(config)
    os.chmod(key, 0o600)
    os.chmod(draft, 0o755)
    os.rename(draft, folder)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise CertificatesError(
            f"{path} cannot be read: {error.strerror}; put it there, or correct the path"
        ) from None
