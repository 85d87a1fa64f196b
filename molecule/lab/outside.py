"""Questions that both scenarios ask a host from outside."""

from __future__ import annotations

import re

ALL_PORTS = "-p-"
MEANT = {22, 80, 443}


def open_ports(neighbour, address: str, ports: str = ALL_PORTS) -> set[int]:
    """TCP ports that answer a connection from the neighbour."""
    family = "-6" if ":" in address else ""
    scan = neighbour.check_output(
        f"nmap {family} -Pn -n -T4 --min-rate 10000 --max-retries 2 {ports} -oG - {address}"
    )
    assert "Status: Up" in scan or "Host:" in scan, scan
    return {int(port) for port in re.findall(r"(\d+)/open/tcp", scan)}


def handshake(neighbour, address: str, name: str, *options: str):
    """`openssl s_client`'s account of a TLS handshake for a name."""
    return neighbour.run(
        f"openssl s_client -connect {address}:443 -servername {name} {' '.join(options)} </dev/null"
    )


def get(neighbour, address: str, url: str, ca: str, *options: str):
    """The response to a GET as curl prints it, headers included."""
    name = url.split("/")[2]
    return neighbour.run(
        f"curl -sS -i --max-time 10 --cacert {ca} --resolve {name}:443:{address} --resolve {name}:80:{address} "
        f"{' '.join(options)} {url}"
    )
