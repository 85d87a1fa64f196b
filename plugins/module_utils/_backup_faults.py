# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools say when something is wrong, what it means, and what to do. Exact texts are kept as fixtures of the tests."""

from __future__ import annotations

import re
from collections.abc import Iterable

DAMAGED = (
    "the backup is damaged",
    "restore an older one by its name, and find out what has changed the storage; make a new full backup",
)

# The first match counts, so the narrower ones stand first.
FAULTS = (
    (
        r"server version mismatch",
        "its server is newer than pg_dump here",
        "set client_image of the source to an image of the server's version, such as postgres:18",
    ),
    (
        r"ended before configured recovery target was reached",
        "the moment lies after the last WAL in the archive",
        "choose an earlier moment, or leave it out to get everything there is",
    ),
    (
        r"unable to find backup set with",
        "the moment lies before the end of the oldest backup",
        "choose a later moment; playbooks/backup.yml -e only=info lists what there is",
    ),
    (
        r"before consistent recovery point",
        "the moment lies before the end of the chosen backup",
        "choose a later moment, or leave the backup's name out",
    ),
    (
        r"NoSuchBucket|bucket does not exist|HTTP request failed with 404.*bucket",
        "the bucket does not exist",
        "correct bucket in backup_repositories, or set backup_create_buckets",
    ),
    (
        r"SignatureDoesNotMatch|InvalidAccessKeyId|AccessDenied|Access Denied|HTTP request failed with 40[13]"
        r"|unable to authenticate|Permission denied \(publickey|403 Forbidden",
        "the storage refuses the credentials",
        "correct access_key and secret_key (SFTP: user and private_key) in backup_repositories, and their rights to the bucket",
    ),
    (
        # pgBackRest calls these CryptoError, too.
        r"unable to find hostname '[^']*' in certificate",
        "the storage's certificate is for another name",
        "correct endpoint in backup_repositories to a name that the certificate has; an address will not do",
    ),
    (
        r"unable to verify certificate|certificate verify failed|x509: |CERTIFICATE_VERIFY_FAILED|self.signed certificate",
        "the storage's certificate is not trusted",
        "correct endpoint, or set ca_file in backup_repositories to the authority that signed it",
    ),
    # Its helpers read the files, after what the password has opened.
    (r"raised from local-\d+ protocol: unable to flush", *DAMAGED),
    (
        r"unable to load info file[\s\S]*(FormatError|CryptoError)|wrong password or no key found|cipher header invalid|CryptoError|unable to decrypt"
        r"|backup\.info.*is the repo encrypted|invalid header.*encrypted",
        "it was encrypted with another password, or is damaged",
        "correct password in backup_repositories; it is the one that the repository was made with",
    ),
    (
        r"no space left on device|InsufficientStorage|Insufficient Storage|storage full|disk quota|QuotaExceeded|EntityTooLarge"
        # pgBackRest's words for a write that a full disk took half of.
        r"|HTTP request failed with 507|\[?ENOSPC|unable to write '[^']*': \[2\]",
        "no space is left",
        "free some space where it says so, lower backup_keep_full or backup_keep, or enlarge the disk",
    ),
    (
        r"password authentication failed|no pg_hba\.conf entry|NOAUTH|WRONGPASS",
        "the database refuses the login",
        "correct user and password of the source",
    ),
    (
        r"unable to find primary cluster|DbConnectError|could not connect to server|connection to server .* failed"
        r"|No such container|is not running|Could not connect to Redis|the database system is (starting up|shutting down)",
        "the database does not answer",
        "start it (pg_lsclusters, docker ps), or correct where the source says that it is",
    ),
    (
        r"archive\.info does not exist|archive\.info.*missing|stanza-create|missing stanza path|missing stanza data",
        "the repository holds nothing of this cluster yet",
        "run 'farol-backup prepare' on the host, or the role",
    ),
    (
        r"do not match the database|system-id|stanza-upgrade",
        "the repository holds the backups of another cluster under this name",
        "give the cluster another name in backup_clusters; after a planned change run 'farol-backup prepare --upgrade'",
    ),
    (
        r"unable to acquire lock|repository is already locked|unable to create lock",
        "another run is at work on it",
        "wait for it to end and run this again",
    ),
    (
        r"ciphertext verification failed|does not match.*checksum|error validating checksum|invalid checksum|checksum.*(does not match|invalid)"
        r"|pack .* (contains|damaged)|hash does not match|invalid data returned|Fatal: repository contains errors|zlib|ZSTD|LZ4"
        r"|FormatError|unexpected eof|size .* does not match",
        *DAMAGED,
    ),
    (
        r"WAL segment .* was not archived before|archive_timeout|unable to archive",
        "WAL does not reach the archive",
        "look at /var/log/pgbackrest and at what the storage says",
    ),
    (
        r"timeout|timed out|Connection refused|Connection reset|No route to host|Network is unreachable|unable to get address"
        r"|no such host|Name or service not known|HostConnectError|unable to connect to|dial tcp|Temporary failure in name"
        r"|ServiceError|HTTP request failed with 50|unexpected end of file|\beof\b|host is down",
        "the storage does not answer",
        "check that it is up and that endpoint (host) and port in backup_repositories are right",
    ),
    (
        r"Permission denied|Operation not permitted|Read-only file system",
        "it may not write or read there",
        "look at the owner and the mode of the path that it names",
    ),
)


def explain(said: str) -> str:
    """What a tool's words mean and what to do, on one line; empty where they are not known."""
    for pattern, meaning, remedy in FAULTS:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{meaning}; {remedy}"
    return ""


NOISE = re.compile(
    r"^\s*$|^using parent snapshot|^\s*HINT: |^P\d+\s+INFO|created new cache", re.IGNORECASE
)


def gist(said: str, lines: int = 6) -> str:
    """The last telling lines of what a tool said, as one."""
    # What was decrypted with another password is no text.
    said = "".join(c if c.isprintable() or c == "\n" else " " for c in said.replace("\ufffd", ""))
    kept = [line.strip() for line in said.split("\n") if not NOISE.search(line)]
    return " | ".join(kept[-lines:])[:1200]


def hidden(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, "********")
    return text
