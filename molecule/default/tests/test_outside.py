"""The served application, asked from another machine."""

from __future__ import annotations

import json
import time

from molecule.lab.outside import MEANT, get, handshake, open_ports

URL = "https://api.farol.test"


def body(response) -> dict:
    return json.loads(response.stdout.replace("\r", "").split("\n\n", 1)[1])


def test_only_ssh_and_the_web_answer(lab, neighbour):
    assert open_ports(neighbour, lab.address) == MEANT


def test_only_ssh_and_the_web_answer_over_ipv6(lab, neighbour):
    assert open_ports(neighbour, lab.address6, "-p1-10000") == MEANT


def test_a_container_that_publishes_on_every_address_stays_closed(lab, server, neighbour):
    image = server.check_output("docker image ls --quiet 172.30.99.4:5000/redis")
    server.check_output(f"docker run -d --rm --name open -p 0.0.0.0:8091:6379 {image}")
    try:
        assert server.run("timeout 5 bash -c '</dev/tcp/127.0.0.1/8091'").rc == 0
        assert open_ports(neighbour, lab.address, "-p8091") == set()
    finally:
        server.run("docker rm -f open")


def test_the_certificate_is_of_the_hosts_ca(lab, neighbour, ca):
    seen = handshake(
        neighbour, lab.address, "api.farol.test", "-CAfile", ca, "-verify_return_error"
    )
    assert seen.rc == 0 and "Verify return code: 0 (ok)" in seen.stdout


def test_an_unknown_name_gets_no_certificate(lab, neighbour):
    seen = handshake(neighbour, lab.address, "stranger.farol.test")
    assert seen.rc != 0 and "BEGIN CERTIFICATE" not in seen.stdout


def test_old_tls_is_refused(lab, neighbour):
    assert handshake(neighbour, lab.address, "api.farol.test", "-tls1_1").rc != 0


def test_plain_http_leads_to_https(lab, neighbour, ca):
    response = get(neighbour, lab.address, "http://api.farol.test/x?y=1", ca)
    assert " 301 " in response.stdout.splitlines()[0]
    assert "location: https://api.farol.test/x?y=1" in response.stdout.lower()


def test_the_application_answers_with_security_headers_and_no_version(lab, neighbour, ca):
    response = get(neighbour, lab.address, f"{URL}/health/detailed", ca)
    assert body(response)["status"] == "ok"
    headers = response.stdout.lower()
    assert "strict-transport-security: max-age=" in headers
    assert "x-content-type-options: nosniff" in headers
    assert "server: nginx\r" in headers or "server: nginx\n" in headers


def test_metrics_are_for_the_host_alone(lab, server, neighbour, ca):
    assert " 404" in get(neighbour, lab.address, f"{URL}/metrics", ca).stdout.splitlines()[0]
    port = server.check_output("docker ps --filter name=^api-.*-web --format '{{.Ports}}'")
    address = port.split("->")[0]
    assert "# HELP" in server.check_output(f"curl -s http://{address}/metrics")


def test_a_web_socket_echoes(lab, neighbour, ca):
    script = (
        "import asyncio, ssl, websockets\n"
        "async def main():\n"
        f"    trust = ssl.create_default_context(cafile='{ca}')\n"
        f"    async with websockets.connect('wss://api.farol.test/ws', host='{lab.address}', ssl=trust,\n"
        "                                  server_hostname='api.farol.test') as socket:\n"
        "        await socket.send('ahoy')\n"
        "        print(await asyncio.wait_for(socket.recv(), 5))\n"
        "asyncio.run(main())"
    )
    assert "ahoy" in neighbour.check_output(f'python3 -c "{script}"')


def test_a_webhook_arrives_in_the_database_with_its_request_id(lab, server, neighbour, ca):
    post = get(
        neighbour,
        lab.address,
        f"{URL}/webhooks/shop",
        ca,
        "-X POST -H 'content-type: application/json' -d '{\"order\": 7}'",
    )
    queued = body(post)
    job, request_id = queued["job_id"], queued["request_id"]
    assert f"x-request-id: {request_id}" in post.stdout.lower()
    query = f"SELECT request_id FROM webhook_jobs WHERE id = '{job}'"
    database = (
        "docker exec api-accessories-postgres-1 psql --username app --tuples-only --no-align -c"
    )
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        stored = server.check_output(f'{database} "{query}"')
        if stored:
            break
        time.sleep(0.2)
    assert stored == request_id
    assert request_id in server.check_output("docker logs api-services-worker-1 2>&1")
