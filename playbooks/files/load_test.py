# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A locustfile: sends the requests of a scenario at its rate, and writes what it measured. Run by farol.vps.load_test.

FAROL_SCENARIO names the scenario's file, FAROL_FIGURES the file for the figures; both are JSON.
"""

from __future__ import annotations

import json
import os
import random
import re
import ssl
from pathlib import Path

import gevent
import gevent.socket
from locust import FastHttpUser, constant_throughput, events, task

SCENARIO = json.loads(Path(os.environ["FAROL_SCENARIO"]).read_text(encoding="utf-8"))
PERCENTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
WEIGHTS = [path["weight"] for path in SCENARIO["paths"]]
RATE_OF_ONE = SCENARIO["requests_per_second"] / SCENARIO["users"]

resolve = gevent.socket.getaddrinfo


def at_the_address(_host, *rest):
    """Connect to the scenario's address, whatever the name resolves to."""
    return resolve(SCENARIO["address"], *rest)


if SCENARIO["address"]:
    gevent.socket.getaddrinfo = at_the_address


def trust() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=SCENARIO["ca_file"] or None)
    # Strictness of newer Pythons refuses authorities that browsers and curl accept.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not SCENARIO["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Visitor(FastHttpUser):
    host = SCENARIO["url"]
    wait_time = constant_throughput(RATE_OF_ONE)
    insecure = False
    ssl_context_factory = staticmethod(trust)
    connection_timeout = network_timeout = SCENARIO["timeout"]

    def on_start(self) -> None:
        # All at once would be a burst, and no rate.
        gevent.sleep(random.uniform(0, 1 / RATE_OF_ONE))

    @task
    def ask(self) -> None:
        path = random.choices(SCENARIO["paths"], WEIGHTS)[0]
        given = path.get("body")
        body = {"json": given} if isinstance(given, (dict, list)) else {"data": given}
        with self.client.request(
            path["method"],
            path["path"],
            name=path["path"],
            headers=path["headers"],
            allow_redirects=False,
            catch_response=True,
            **body,
        ) as response:
            if response.status_code in path["status"]:
                response.success()
            elif response.status_code:
                response.failure(f"status {response.status_code}")
            else:
                response.failure(str(response.error))


def reason_of(error) -> str:
    """What went wrong, without the exception that Locust wraps it in."""
    wrapped = re.fullmatch(r"CatchResponseError\((['\"])(.*)\1\)", error.parse_error(error.error))
    return wrapped[2] if wrapped else error.parse_error(error.error)


def figures_of(entry, seconds: float) -> dict:
    return {
        "requests": entry.num_requests,
        "failed": entry.num_failures,
        "requests_per_second": round(entry.num_requests / seconds, 2),
        **{
            name: round(entry.get_response_time_percentile(share) or 0, 1)
            for name, share in PERCENTILES.items()
        },
    }


@events.spawning_complete.add_listener
def begin(user_count: int) -> None:
    """Count only what follows the first connections."""
    gevent.spawn_later(SCENARIO["warm_up"], Visitor.environment.stats.reset_all)


@events.init.add_listener
def remember(environment, **_others) -> None:
    Visitor.environment = environment


@events.test_stop.add_listener
def write(environment, **_others) -> None:
    stats = environment.stats
    total = stats.total
    seconds = max(0.001, (total.last_request_timestamp or 0) - total.start_time)
    figures = {
        "total": figures_of(total, seconds),
        "paths": {
            f"{entry.method} {entry.name}": figures_of(entry, seconds)
            for entry in stats.entries.values()
        },
        "errors": {
            f"{error.method} {error.name}: {reason_of(error)}": error.occurrences
            for error in stats.errors.values()
        },
    }
    Path(os.environ["FAROL_FIGURES"]).write_text(json.dumps(figures), encoding="utf-8")
    # Failures are judged by what the scenario allows, and not here.
    environment.process_exit_code = 0
