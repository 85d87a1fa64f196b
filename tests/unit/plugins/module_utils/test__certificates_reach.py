"""Whether domains lead here: rules on the DNS, and files fetched from real servers."""

from __future__ import annotations

import ipaddress
import os
import socket

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _certificates_reach as reach
from certificates_host import Web

# As Ubuntu 24.04 prints it, shortened to what is read.
INTERFACES = [
    {
        "ifname": "lo",
        "addr_info": [
            {"family": "inet", "local": "127.0.0.1"},
            {"family": "inet6", "local": "::1"},
        ],
    },
    {"ifname": "docker0", "addr_info": [{"family": "inet", "local": "172.17.0.1"}]},
    {
        "ifname": "eth0",
        "addr_info": [
            {"family": "inet", "local": "10.19.0.5", "scope": "global"},
            {"family": "inet", "local": "104.16.0.10", "scope": "global"},
            {"family": "inet6", "local": "2606:4700::abcd", "scope": "global", "temporary": True},
            {"family": "inet6", "local": "2606:4700::10", "scope": "global", "dynamic": True},
            {"family": "inet6", "local": "fe80::1", "scope": "link"},
        ],
    },
    {"ifname": "eth1"},
]


def own(*addresses):
    return [ipaddress.ip_address(each) for each in addresses]


def test_public_addresses_come_first():
    assert reach.sort_addresses(INTERFACES) == own(
        "104.16.0.10", "2606:4700::10", "2606:4700::abcd", "10.19.0.5", "172.17.0.1"
    )


def test_the_addresses_of_this_host_can_be_read():
    assert all(not address.is_loopback for address in reach.own_addresses())


HERE = own("104.16.0.10", "2606:4700::10")
V4 = own("104.16.0.10")


@pytest.mark.parametrize(
    ("found", "addresses", "fault"),
    [
        (["104.16.0.10"], HERE, ""),
        (["104.16.0.10", "2606:4700::10"], HERE, ""),
        (["127.0.1.1"], HERE, ""),
        (["::1"], HERE, ""),
        ([], HERE, "set an A record for a.example to 104.16.0.10; it does not resolve"),
        ([], own("2606:4700::10"), "set an AAAA record for a.example to 2606:4700::10; it does not resolve"),
        (["1.1.1.1"], HERE, "set an A record for a.example to 104.16.0.10; it resolves to 1.1.1.1"),
        (
            ["104.16.0.10", "2606:4700::1111"],
            HERE,
            "set an AAAA record for a.example to 2606:4700::10; it resolves to 2606:4700::1111",
        ),
        (
            ["104.16.0.10", "2606:4700::1111"],
            V4,
            "remove the AAAA record 2606:4700::1111 of a.example, which is not this host",
        ),
        (
            ["104.16.0.10", "1.1.1.1", "1.0.0.1"],
            V4,
            "remove the A record 1.1.1.1 and 1.0.0.1 of a.example, which is not this host",
        ),
        (
            ["1.1.1.1", "2606:4700::1111"],
            V4,
            "set an A record for a.example to 104.16.0.10; it resolves to 1.1.1.1; "
            "remove the AAAA record 2606:4700::1111 of a.example, which is not this host",
        ),
        (
            ["1.1.1.1"],
            own("10.0.0.5"),
            "set an A record for a.example to 10.0.0.5; it resolves to 1.1.1.1; "
            "or, if another address leads to this host, add it to addresses",
        ),
    ],
)  # fmt: skip
def test_what_to_change_in_the_dns(found, addresses, fault):
    assert reach.dns_fault("a.example", found, addresses) == fault


def test_names_are_looked_up():
    assert "127.0.0.1" in reach.lookup("localhost")
    assert reach.examine(["localhost"], HERE, "/nowhere", check=True) == {"localhost": ""}


@pytest.mark.parametrize(
    ("number", "addresses", "fault"),
    [
        (
            socket.EAI_AGAIN,
            HERE,
            "a.example cannot be looked up (told so); "
            "see whether this host's DNS works with 'resolvectl status'",
        ),
        (
            socket.EAI_NONAME,
            HERE,
            "set an A record for a.example to 104.16.0.10; it does not resolve",
        ),
        (socket.EAI_NONAME, None, "a.example does not resolve; set its A record"),
    ],
)
def test_names_without_an_answer(monkeypatch, number, addresses, fault):
    def lookup(_domain):
        raise socket.gaierror(number, "told so")

    monkeypatch.setattr(reach, "lookup", lookup)
    assert reach.examine(["a.example"], addresses, "/nowhere", check=False) == {"a.example": fault}


@pytest.fixture
def web(tmp_path, monkeypatch):
    server = Web(tmp_path)
    monkeypatch.setattr(reach, "PORT", server.server_port)
    monkeypatch.setattr(reach, "lookup", lambda domain: ["127.0.0.1"])
    yield server
    server.shutdown()
    server.server_close()


def fault(folder):
    return reach.examine(["a.example"], None, str(folder), check=False)["a.example"]


def test_a_file_that_comes_back(web, tmp_path):
    assert fault(tmp_path) == "" and [name for name, _path in web.asked] == ["a.example"]


def test_folders_of_others_stay(web, tmp_path):
    (tmp_path / ".well-known/acme-challenge").mkdir(parents=True)
    (tmp_path / ".well-known/security.txt").write_text("mine")
    assert fault(tmp_path) == ""
    assert os.listdir(tmp_path / ".well-known") == ["security.txt"]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ((404, {}, b"<h1>Not here</h1>\n"), "404 <h1>Not here</h1>"),
        ((200, {}, b"parked"), "200 parked"),
        (
            (301, {"Location": "https://a.example/"}, b""),
            "301, a redirect to https://a.example/",
        ),
        ((502, {}, b""), "502"),
    ],
)
def test_another_answer(web, tmp_path, answer, seen):
    web.answer = answer
    said = fault(tmp_path)
    assert said.startswith("http://a.example/.well-known/acme-challenge/farol-")
    assert said.partition(" at ")[2] == (
        f"127.0.0.1 port {web.server_port}: {seen}, where a file in {tmp_path} was due; "
        "let Nginx serve that folder to this name, and see whether something else answers there"
    )
    assert os.listdir(tmp_path) == []


def test_a_server_that_speaks_no_http(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(reach, "PORT", silent.getsockname()[1])
        monkeypatch.setattr(reach, "TIMEOUT", 0.1)
        monkeypatch.setattr(reach, "lookup", lambda domain: ["127.0.0.1"])
        assert ": no answer within 0.1 s, where a file" in fault(tmp_path)


def test_ipv6_is_asked_first_and_the_next_address_where_nobody_answers(web, tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "lookup", lambda domain: ["127.0.0.1", "::1"])
    assert fault(tmp_path) == ""
    web.shutdown()
    web.server_close()
    said = fault(tmp_path)
    assert said.startswith(f"a.example is not reachable at port {reach.PORT} of ::1 (")
    assert said.endswith(
        ") and 127.0.0.1 (connection refused); start Nginx, and open the port in the firewall"
    )
