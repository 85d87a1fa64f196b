from __future__ import annotations

import itertools
import os

import pytest
from ansible_collections.farol.vps.plugins.module_utils import (
    _compose,
    _release_app,
    _release_gate,
    _release_run,
    _release_watch,
)
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed, Host
from release_engine import Engine

# Below the ports that the system gives away, and others for each process that runs tests beside this one.
PORTS = itertools.count(12000 + os.getpid() % 200 * 100)


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def api(engine, tmp_path, monkeypatch):
    """An application on a host that is in memory; give it settings, get it and the release of an entry."""
    monkeypatch.setattr(
        Host, "run", lambda self, argv, env=None, limit=0: engine.run(argv, env, limit)
    )
    monkeypatch.setattr(_release_run, "SETTLE", 0)
    monkeypatch.setattr(_release_gate, "PATIENCE", 0.1)
    monkeypatch.setattr(_release_watch, "PAUSE", 0.01)
    ports = {"blue": next(PORTS), "green": next(PORTS)}

    def through_nginx(app, port):
        if port != ports[made.state.live] or engine.served(made.state.live) is None:
            raise Failed("Nginx does not pass requests to the new release")

    made = None

    def make(entry, **settings):
        nonlocal made
        settings = {
            "bake_seconds": 0.02,
            "drain_timeout": 0.2,
            "keep_releases": 2,
            "min_free_mb": 0,
        } | settings
        accessories = _compose.accessories(entry)
        made = _release_app.App(
            "api",
            str(tmp_path / "opt"),
            str(tmp_path / "state"),
            _release_app.Settings(ports=ports, accessories=accessories, **settings),
            ["s3cret-token"],
        )
        return made, _release_app.target(entry)

    monkeypatch.setattr(_release_gate, "through_nginx", through_nginx)
    return make
