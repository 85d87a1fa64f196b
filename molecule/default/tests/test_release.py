"""A new version takes over without a lost request, and the old one comes back the same way."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import yaml

from molecule.lab.outside import get

APPS = Path(__file__).parents[3] / "inventories/demo/group_vars/all/apps.yml"

# Asks every 20 ms until it is told to stop, each time on a connection of its own; prints how many answers were not 200.
ASK = (
    "i=0; while [ ! -e /tmp/stop ]; do "
    "curl -s -o /dev/null -w '%{{http_code}}\\n' --max-time 5 --cacert {ca} "
    "--resolve api.farol.test:443:{address} https://api.farol.test/; sleep 0.02; done | sort | uniq -c"
)


def test_a_release_loses_no_request(lab, neighbour, ca):
    entry = yaml.safe_load(APPS.read_text())["apps"][0]
    neighbour.run("rm -f /tmp/stop")
    answers = {}
    asking = threading.Thread(
        target=lambda: answers.update(
            out=neighbour.run(ASK.format(ca=ca, address=lab.address)).stdout
        )
    )
    asking.start()
    try:
        for version in ("1.0.1", "1.0.0"):
            run = lab.playbook(
                "playbooks/site.yml", "-e", json.dumps({"apps": [{**entry, "version": version}]})
            )
            assert run.returncode == 0, run.stdout + run.stderr
            page = get(neighbour, lab.address, "https://api.farol.test/", ca).stdout
            assert f'"version":"{version}"' in page.replace(" ", "")
    finally:
        neighbour.run("touch /tmp/stop")
        asking.join()
    counts = {code: int(count) for count, code in map(str.split, answers["out"].splitlines())}
    assert set(counts) == {"200"} and counts["200"] > 50, counts
