"""What the tests of this scenario share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def forgotten(lab):
    """UFW limits how often the controller may log in; each test begins as if nobody had."""
    lab.forget_connections()
