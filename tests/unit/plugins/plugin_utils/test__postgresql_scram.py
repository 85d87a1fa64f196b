# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from base64 import b64decode

import pytest
from ansible_collections.farol.vps.plugins.filter.postgresql_verifiers import postgresql_verifiers
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_scram import (
    fits,
    verifier,
    verifiers,
)

# What PostgreSQL 16 stored after CREATE ROLE golden PASSWORD 'pencil'.
STORED = "SCRAM-SHA-256$4096:EytH6jm26+F9JpcYaYLm7g==$d+L1giLM13+dhUYs47t5AOAvxuZaap3P/fLBarRDC2o=:xWEFM++M2qdMhfAw2cE5r8WxSa68YNOsxY/6CqTd8oU="


def salt(_size):
    return b"0123456789abcdef"


def test_a_verifier_is_what_the_server_makes_itself():
    assert verifier("pencil", b64decode(STORED.split("$")[1].split(":")[1])) == STORED
    assert fits("pencil", STORED)


@pytest.mark.parametrize("found", [None, "", "md5a8b9", STORED.replace("4096", "5000")])
def test_a_verifier_of_something_else_does_not_fit(found):
    assert not fits("pencil", found)
    assert not fits("Pencil", STORED)


def test_what_fits_is_kept_and_what_does_not_is_made_anew():
    made = verifiers(
        {"old": "pencil", "new": "crayon", "moved": "other"}, {"old": STORED, "moved": STORED}, salt
    )
    assert made == {
        "old": STORED,
        "new": verifier("crayon", salt(16)),
        "moved": verifier("other", salt(16)),
    }


def test_salts_differ():
    assert (
        postgresql_verifiers({"a": "same", "b": "same"})["a"]
        != postgresql_verifiers({"a": "same"})["a"]
    )
