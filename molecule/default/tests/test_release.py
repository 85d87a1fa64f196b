"""A new version takes over without a lost request, and the old one comes back the same way."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import yaml

APPS = Path(__file__).parents[3] / "inventories/demo/group_vars/all/apps.yml"

# Asks ten times a second until it is told to stop, each time on a connection of its own; counts the answers by status.
ASK = (
    "while [ ! -e /tmp/stop-{name} ]; do "
    "curl -s -o /dev/null -w '%{{http_code}}\\n' --max-time 5 --cacert {ca} "
    "--resolve api.farol.test:443:{address} https://api.farol.test/; sleep 0.1; done | sort | uniq -c"
)


def test_a_release_loses_no_request(lab, outside):
    entry = yaml.safe_load(APPS.read_text())["apps"][0]
    outside.shell.run(f"rm -f /tmp/stop-{lab.name}")
    answers = {}
    asking = threading.Thread(
        target=lambda: answers.update(
            out=outside.shell.run(
                ASK.format(name=lab.name, ca=outside.ca, address=lab.address)
            ).stdout
        )
    )
    asking.start()
    try:
        for version in ("1.0.1", "1.0.0"):
            run = lab.playbook(
                "playbooks/site.yml", "-e", json.dumps({"apps": [{**entry, "version": version}]})
            )
            assert run.returncode == 0, run.stdout + run.stderr
            assert outside.curl("https://api.farol.test/").json()["version"] == version
    finally:
        outside.shell.run(f"touch /tmp/stop-{lab.name}")
        asking.join()
    counts = {code: int(count) for count, code in map(str.split, answers["out"].splitlines())}
    assert set(counts) == {"200"} and counts["200"] > 50, counts
