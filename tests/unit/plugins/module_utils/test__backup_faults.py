from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils._backup_faults import explain, gist, hidden

# As the tools said it, in the lab.
SAID = [
    ("s3.farol.test answers 403 SignatureDoesNotMatch for bucket farol", "refuses the credentials"),
    ("s3.farol.test answers 404 NoSuchBucket for bucket farol", "bucket does not exist"),
    ("s3.farol.test: [Errno 111] Connection refused", "does not answer"),
    (
        "s3.farol.test: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed",
        "certificate is not trusted",
    ),
    (
        "[CryptoError] unable to find hostname '172.30.99.7' in certificate common name or subject alternative names",
        "certificate is for another name",
    ),
    (
        "[CryptoError] unable to verify certificate presented by 's3.farol.test:443': [20] unable to get local issuer certificate",
        "certificate is not trusted",
    ),
    ("Fatal: wrong password or no key found", "encrypted with another password"),
    (
        "ERROR: [095]: unable to flush\n CryptoError: unable to decrypt",
        "encrypted with another password",
    ),
    (
        "[FormatError] unable to load info file '/farol/db1/pgbackrest/backup/main/backup.info':\n"
        "FormatError: key/value found outside of section at line 1: \ufffd\x0fp\nHINT: has a stanza-create been performed?",
        "encrypted with another password",
    ),
    (
        "ERROR: [064]: unable to write '/mnt/disk/db1/pgbackrest/backup/main/backup.manifest.copy.pgbackrest.tmp': [2] No such file or directory",
        "no space is left",
    ),
    ("write /srv/x: no space left on device", "no space is left"),
    ("ERROR: [056]: unable to find primary cluster - cannot proceed", "database does not answer"),
    ("pg_dump: error: aborting because of server version mismatch", "server is newer"),
    ("FATAL:  recovery ended before configured recovery target was reached", "after the last WAL"),
    (
        'pg_dump: error: connection to server at "10.0.0.1" failed: FATAL:  password authentication failed',
        "refuses the login",
    ),
    ("Error: No such container: api-db", "database does not answer"),
    ("ciphertext verification failed", "backup is damaged"),
    (
        "ERROR: [095]: raised from local-2 protocol: unable to flush\n[CryptoError] on 2 retries from 2573-18480ms: unable to flush",
        "the backup is damaged",
    ),
    ("unable to acquire lock on file '/tmp/pgbackrest/main-backup.lock'", "another run"),
    ("backup and archive info files exist but do not match the database", "another cluster"),
]


@pytest.mark.parametrize(("said", "meaning"), SAID)
def test_each_fault_has_a_meaning_and_a_remedy(said, meaning):
    found = explain(said)
    assert meaning in found
    assert "; " in found, "it has no remedy"


def test_what_is_not_known_is_not_explained():
    assert explain("something else") == ""


def test_the_gist_leaves_out_what_tells_nothing():
    assert (
        gist("\n\nusing parent snapshot 1234\nERROR: a\n  HINT: b\nERROR: c\n")
        == "ERROR: a | ERROR: c"
    )


def test_the_gist_leaves_out_what_is_no_text():
    assert gist("at line\t1: \x0f\ufffd[p\nb") == "at line 1:  [p | b"


def test_secrets_are_hidden_the_longest_first():
    assert hidden("key abcdef and abc", ["abc", "abcdef", ""]) == "key ******** and ********"
