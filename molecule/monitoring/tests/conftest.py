"""What the tests of monitoring share."""

from __future__ import annotations

import pytest
from watch import Receiver, Watcher


@pytest.fixture(scope="module")
def receiver(lab):
    found = Receiver(8000 + int(lab.address.rpartition(".")[2]))
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def watcher(server) -> Watcher:
    return Watcher(server)
