# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Over output in the form of docker-bench-security 1.6, with and without colours and remedies."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._docker_bench import Warned, read

PRINTED = (Path(__file__).parents[2] / "fixtures/docker-bench.txt").read_text(encoding="utf-8")
FOUND = [
    Warned(
        "1.1.1",
        "Ensure a separate partition for containers has been created",
        [],
        "For new installations, create a separate partition at /var/lib/docker. Remediation Impact: None.",
    ),
    Warned("1.1.3", "Ensure auditing is configured for the Docker daemon"),
    Warned(
        "5.2",
        "Ensure that, if applicable, an AppArmor Profile is enabled",
        [
            "No AppArmorProfile Found: api-blue-web-1",
            "No AppArmorProfile Found: api-services-worker-1",
        ],
    ),
    Warned(
        "5.13",
        "Ensure that the container's root filesystem is mounted as read only",
        ["Container running with root FS mounted R/W: api-blue-web-1"],
        "Run the container with --read-only.",
    ),
]


def test_each_warning_has_what_it_warns_of_and_its_remedy():
    assert read(PRINTED) == FOUND


def test_colours_are_no_part_of_it():
    painted = PRINTED.replace("[WARN]", "\x1b[1;31m[WARN]\x1b[0m").replace(
        "[INFO]", "\x1b[1;34m[INFO]\x1b[0m"
    )

    assert read(painted) == FOUND


def test_an_older_version_tells_no_remedies():
    older = PRINTED[: PRINTED.index("Section B")] + PRINTED[PRINTED.index("Section C") :]
    older = older.replace("5.2 - ", "5.2  - ")

    assert [(one.id, one.remedy) for one in read(older)] == [(one.id, "") for one in FOUND]
    assert read(older)[2].items == FOUND[2].items


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (PRINTED[: PRINTED.index("Section C")], "Run the container with --read-only"),
        ("Error connecting to docker daemon (does docker ps work?)\n", "Error connecting"),
        ("", "it printed nothing"),
    ],
)
def test_one_that_ended_early_is_no_clean_bill(printed, why):
    with pytest.raises(ValueError, match=why):
        read(printed)
