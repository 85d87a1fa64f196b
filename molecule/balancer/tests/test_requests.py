"""Who gets a request, and what the application learns of who sent it."""

from __future__ import annotations

import time

ONLY = "edge"
NEIGHBOUR = "172.30.99.3"
BOTH = {"balancer-a", "balancer-b"}


def test_both_hosts_answer_about_as_often(balancer):
    with balancer.load() as load:
        time.sleep(4)
    report = load.report()
    assert report["hard"] == report["reset"] == 0, report
    assert set(report["versions"]) == BOTH
    for host in report["versions"].values():
        assert 0.4 < host["answers"] / report["ok"] < 0.6, report


def test_the_application_learns_the_clients_address_and_nothing_that_the_client_made_up(balancer):
    forged = [
        "-H 'X-Forwarded-For: 203.0.113.9'",
        "-H 'X-Real-IP: 203.0.113.9'",
        "-H 'X-Forwarded-Host: evil.example'",
        "-H 'X-Forwarded-Proto: http'",
        "-H 'X-Request-ID: made-up-by-the-client'",
    ]
    seen = set()
    for _ in range(4):
        answer = balancer.get("/echo", *forged)
        told = answer.json()["headers"]
        seen.add(answer.json()["name"])
        assert told["x-forwarded-for"] == told["x-real-ip"] == NEIGHBOUR
        assert told["host"] == told["x-forwarded-host"] == "api.farol.test"
        assert told["x-forwarded-proto"] == "https"
        assert told["x-request-id"] == answer.headers["x-request-id"] != "made-up-by-the-client"
        assert "alt-svc" not in answer.headers, (
            "of the hosts, one speaks HTTP/3, the balancer does not"
        )
    assert seen == BOTH


def test_a_cookie_stays_on_its_host_as_long_as_that_one_serves(balancer):
    def hosts() -> dict[int, str]:
        return {
            client: balancer.host(f"--cookie session={client}", site="shop") for client in range(12)
        }

    before = hosts()
    assert set(before.values()) == BOTH and hosts() == before
    balancer.drain("a", site="shop")
    assert set(hosts().values()) == {"balancer-b"}
    balancer.put_back("a", site="shop")
    assert hosts() == before


def test_a_client_without_the_cookie_gets_any_host(balancer):
    assert {balancer.host(site="shop") for _ in range(6)} == BOTH
