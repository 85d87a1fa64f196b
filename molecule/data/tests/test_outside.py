"""The world sees none of it."""

from __future__ import annotations


def test_a_neighbour_reaches_no_database(lab, scan):
    assert scan(lab.address) == {22}
    assert scan(lab.address6) == {22}


def test_they_listen_on_private_addresses_only(server):
    sockets = [line.split()[3] for line in server.check_output("ss -Htln").splitlines()]
    for port in (5432, 6432, 6379, 6380):
        ours = {socket.rpartition(":")[0] for socket in sockets if socket.endswith(f":{port}")}
        assert "127.0.0.1" in ours, port
        assert not {"0.0.0.0", "*", "[::]"} & ours, port
