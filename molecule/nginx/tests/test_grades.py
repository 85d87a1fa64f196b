"""What a scanner that gives grades says. testssl.sh, which takes minutes, is in tests/benchmark/edge.py."""

from __future__ import annotations

import scanners

ONLY = "trixie"
NAME = "web.farol.test"


def test_the_observatory_gives_its_best_grade(lab):
    said = scanners.observatory(scanners.site(NAME, lab.name, lab.address))
    assert said["grade"] == "A+" and said["score"] >= 125, said
