"""A deploy whose process is killed: a release serves through it, no request is lost, and the next deploy ends well.

Every step's turn comes in tests/benchmark/deploy.py and, without Docker, in the unit tests.
"""

from __future__ import annotations

import json

import pytest

ONLY = "noble"
STEPS = ["flip", "bake"]


@pytest.fixture(scope="module")
def other_version(site):
    """1.1.0 is kept on the host, so that what follows does not wait for a registry."""
    site.deploy("1.1.0")
    site.deploy("1.0.0")


@pytest.mark.parametrize("step", STEPS)
def test_a_deploy_killed_at_a_step_loses_no_request_and_the_next_one_ends_well(
    site, lab, background, kill_at, other_version, step
):
    version = "1.0.0" if site.version() == "1.1.0" else "1.1.0"
    with site.load() as load:
        killing = background(kill_at, lab, step)
        cut_short = site.start(version)
        killed = killing.result()
        assert cut_short.returncode != 0
        site.deploy(version)
    report = load.report()
    assert report["hard"] == report["reset"] == 0 and report["sent"] > 300, (killed, report)
    assert site.version() == version
    assert len(site.containers("web")) == len(site.containers("worker")) == 1
    told = site.log()[-1]
    if told["steps"]:
        assert any("ended without a word at step" in found for found in told["found"]), json.dumps(
            told
        )
