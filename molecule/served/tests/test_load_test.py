"""load_test.yml: stores its first run, compares the next, and names what got worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

APPS = Path(__file__).parents[3] / "inventories/demo/group_vars/all/apps.yml"
QUEUED = "docker exec api-accessories-redis-1 redis-cli llen saq:default:queued"


@pytest.fixture
def load(lab, tmp_path):
    def run(status=200, **variables):
        (app,) = yaml.safe_load(APPS.read_text())["apps"]
        hook = {"path": "/webhooks/shop", "method": "POST", "body": {"order": 7}, "status": [202]}
        app["load_test"] = {
            "paths": [{"path": "/", "weight": 2, "status": [status]}, hook],
            "requests_per_second": 5,
            "seconds": 6,
            "drain": {"command": QUEUED, "timeout": 20},
        }
        folders = {f"load_test_{kind}_dir": str(tmp_path / kind) for kind in ("report", "baseline")}
        given = json.dumps({"apps": [app], **folders, **variables})
        lab.forget_connections()
        ran = lab.playbook("playbooks/load_test.yml", "-e", given)
        return ran.returncode, " ".join(ran.stdout.split())

    return run


def test_a_run_is_stored_and_what_got_worse_is_named(lab, load, tmp_path):
    for _try in range(3):
        code, output = load()
        # A busy machine may ask more slowly than it was told to.
        if "load_test.rate" not in output:
            break
    assert code == 0 and "POST /webhooks/shop" in output, output
    baseline = tmp_path / "baseline" / f"{lab.name}-api.json"
    stored = json.loads(baseline.read_text())
    assert stored["figures"]["total"]["failed"] == 0 < stored["figures"]["drain_seconds"]
    assert "<html" in (tmp_path / "report" / f"{lab.name}-api.html").read_text()

    # What no run reaches: the next one is slower, however fast it is. And "/" answers 200.
    stored["figures"]["total"]["p50_ms"] = -100
    baseline.write_text(json.dumps(stored))
    code, output = load(status=418)
    assert code != 0 and f"load_test.regression: api on {lab.name}: all: p50" in output, output
    assert f"load_test.failures: api on {lab.name}" in output
    assert "times GET /: status 200" in output
    assert json.loads(baseline.read_text()) == stored, "a run with faults is not stored"
