"""What a host says of itself to itself, and to nobody else."""

from __future__ import annotations

import pytest

PORTS = {"node": 9100, "nginx": 9113, "mtail": 3903}
# mtail says that it took the role's program, whose own figures begin with the first line of the log.
SAID = {
    "node": "node_load1 ",
    "nginx": "nginx_up 1",
    "mtail": 'mtail_prog_loads_total{prog="farol.mtail"} 1',
}


@pytest.mark.parametrize("exporter", PORTS)
def test_an_exporter_answers(server, exporter):
    ask = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{PORTS[exporter]}/metrics').read().decode())"
    assert SAID[exporter] in server.check_output(f'python3 -c "{ask}"')


def test_strangers_find_no_exporter(outside):
    assert outside.open_ports("-p1-10000") == {22, 80, 443}


@pytest.mark.only_on("bookworm")
def test_what_was_removed_and_stopped_by_hand_comes_back(lab, server):
    server.check_output(
        "apt-get purge -y mtail && systemctl disable --now prometheus-node-exporter nginx"
    )
    lab.playbook("molecule/telemetry/converge.yml")
    for unit in ("mtail", "prometheus-node-exporter", "nginx"):
        assert server.service(unit).is_running
        assert server.service(unit).is_enabled
    again = lab.playbook("molecule/telemetry/converge.yml").stdout
    assert " changed=0 " in again


def test_no_unit_has_failed(server):
    assert server.check_output("systemctl --failed --no-legend --plain") == ""
