# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table says of a log what somebody who reads it would."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.tools.runner.reading import error, notes, plain

PYTEST = """\
    def test_closed(outside):
>       assert outside.open_ports() == {22}
E       assert {22, 8091} == {22}
E
E         Extra items in the left set:
molecule/default/tests/test_outside.py:14: AssertionError
RERUN molecule/default/tests/test_host.py::test_ban[default-noble]
FAILED molecule/default/tests/test_outside.py::test_closed[default-noble]
FAILED tests/test_outside.py::test_closed[default-noble] - assert {22, ...
FAILED tests/test_outside.py::test_tls[default-noble] - assert 1
==================== 2 failed, 47 passed, 1 rerun in 49.94s ====================
CRITICAL Verifier tests failed
ERROR    Molecule executed 1 scenario (1 failed)
"""

ANSIBLE = """\
TASK [farol.vps.nginx : Look for a certificate] ******
fatal: [web]: FAILED! =>
    changed: false
    msg: none
...ignoring

TASK [farol.vps.docker : Install the packages] *******
fatal: [web]: FAILED! =>
    changed: false
    msg: |-
        no package docker.io for web; set docker_source

PLAY RECAP ***********
web : ok=3 failed=1
"""

UNREACHABLE = """\
TASK [Check options] *******
fatal: [web]: UNREACHABLE! =>
    changed: false
    msg: 'web (192.0.2.1 port 22, user root) is unreachable: no answer'
    unreachable: true
"""

IDEMPOTENCE = """\
CRITICAL Idempotence test failed because of the following tasks:
* [web] => farol.vps.nginx : Write the configuration
* [web] => farol.vps.nginx : Reload
"""

SANITY = """\
ERROR: Found 1 pylint issue(s) which need to be resolved:
ERROR: plugins/filter/csp.py:57:4: unused-variable: nonce
See documentation for help: https://docs.ansible.com/
ERROR: The 1 sanity test(s) listed below failed.
pylint
"""

LINT = """\
shellcheck x
In x line 3:
  SC2086: quote it
make: *** [Makefile:30: lint] Error 1
"""


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (
            PYTEST,
            [
                "molecule/default/tests/test_outside.py::test_closed[default-noble]",
                "E       assert {22, 8091} == {22}",
                "E         Extra items in the left set:",
                "and 1 more",
            ],
        ),
        (
            ANSIBLE,
            [
                "TASK [farol.vps.docker : Install the packages]",
                "fatal: [web]: FAILED!",
                "no package docker.io for web; set docker_source",
            ],
        ),
        (
            UNREACHABLE,
            [
                "TASK [Check options]",
                "fatal: [web]: UNREACHABLE!",
                "msg: 'web (192.0.2.1 port 22, user root) is unreachable: no answer'",
            ],
        ),
        (
            IDEMPOTENCE,
            [
                "a second run changed something",
                "* [web] => farol.vps.nginx : Write the configuration",
                "* [web] => farol.vps.nginx : Reload",
            ],
        ),
        (SANITY, ["ERROR: plugins/filter/csp.py:57:4: unused-variable: nonce"]),
        (LINT, ["shellcheck x", "In x line 3:", "SC2086: quote it"]),
        ("", ["it printed nothing"]),
    ],
    ids=["pytest", "task", "unreachable", "idempotence", "sanity", "make", "nothing"],
)
def test_what_failed_and_why(log, found):
    assert error(log.splitlines()) == found


def test_a_flaky_test_is_named_and_counted():
    assert notes(PYTEST.splitlines()) == [
        "2 failed, 47 passed, 1 rerun",
        "flaky: molecule/default/tests/test_host.py::test_ban[default-noble]",
    ]


def test_tries_of_the_lab_are_counted():
    log = "lab: docker build x: again in 5 s\nlab: docker build x: again in 20 s\n"
    log += "3275 passed, 13 skipped in 9.4s\n"
    assert notes(log.splitlines()) == ["3275 passed, 13 skipped", "2 retries"]


def test_colours_are_taken_out():
    assert plain("\x1b[31mExecuted: Failed\x1b[0m  ") == "Executed: Failed"
