"""A host leaves and comes back under load, without a reload and without a request lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

ONLY = "edge"
ENDED = """grep -c '"uri":"/slow?seconds=6".*"status":200' /var/log/nginx/access.log || true"""


def test_a_drained_host_ends_what_it_has_begun_and_gets_nothing_new(balancer, as_before):
    nginx = balancer.nginx()
    with ThreadPoolExecutor(5) as clients, balancer.load() as load:
        # Each host gets about half of them, since the one with fewer open requests is next.
        slow = [clients.submit(balancer.get, "/slow?seconds=6") for _ in range(4)]
        time.sleep(1)
        playing = clients.submit(balancer.play, "drain", site="api", host="a", out=True)
        balancer.until(lambda: balancer.flags() == ["out-a"])
        drained = load.now()
        assert {each.result().status for each in slow} == {200}
        assert int(balancer.on("balancer-a", ENDED)) >= 1, "one of them was under way on a"
        play = playing.result()
        assert play.returncode == 0, play.stdout
        assert "connections to it after" not in play.stdout
        asked = load.report()["versions"]
        assert asked["balancer-a"]["last"] < drained + 5
        assert asked["balancer-b"]["last"] > drained + 10

        play = balancer.play("drain", site="api", host="a", out=False)
        assert play.returncode == 0, play.stdout
        back = load.now()
        balancer.until(lambda: load.versions["balancer-a"]["last"] > back)
    report = load.report()
    assert report["hard"] == report["reset"] == 0, report
    assert balancer.nginx() == nginx, "Nginx was not reloaded"


def test_a_drain_says_what_stays_open(balancer, as_before):
    with ThreadPoolExecutor(2) as clients:
        slow = [clients.submit(balancer.get, "/slow?seconds=8") for _ in range(2)]
        time.sleep(1)
        play = balancer.play("drain", site="api", host="b", out=True, drain_timeout=2)
        assert play.returncode == 0, play.stdout
        said = " ".join(play.stdout.split())
        assert "there still are connections to it after 2 s: WebSockets, long requests" in said
        assert {each.result().status for each in slow} == {200}
    again = balancer.play("drain", site="api", host="b", out=False)
    assert again.returncode == 0, again.stdout


def test_a_drain_of_what_is_not_there_or_of_the_last_one_is_refused(balancer, as_before):
    def refused(**variables) -> str:
        play = balancer.play("drain", **variables)
        assert play.returncode != 0, play.stdout
        return " ".join(play.stdout.split())

    nowhere = "no host of this inventory has a site {} with {} in balance.servers"
    assert nowhere.format("web", "a") in refused(site="web", host="a", out=True)
    assert nowhere.format("api", "c") in refused(site="api", host="c", out=True)
    balancer.drain("b")
    last = "b is out or down, of 2; with a out as well, Nginx would ask all of them"
    assert last in refused(site="api", host="a", out=True)
    assert balancer.flags() == ["out-b"]
    balancer.put_back("b")
