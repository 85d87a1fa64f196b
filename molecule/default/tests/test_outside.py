"""The served application, asked from another machine."""

from __future__ import annotations

import time

MEANT = {22, 80, 443}
URL = "https://api.farol.test"


def test_only_ssh_and_the_web_answer(lab, outside):
    # All ports of one host alone: two such scans at a time fill this machine's table of connections, and replies are lost.
    assert outside.open_ports("-p-" if "noble" in lab.name else "-p1-10000") == MEANT


def test_only_ssh_and_the_web_answer_over_ipv6(lab, outside):
    assert outside.open_ports("-p1-10000", lab.address6) == MEANT


def test_a_container_that_publishes_on_every_address_stays_closed(server, outside):
    image = server.check_output("docker image ls --quiet 172.30.99.4:5000/redis:7")
    server.check_output(f"docker run -d --rm --name open -p 0.0.0.0:8091:6379 {image}")
    try:
        assert server.run("timeout 5 bash -c '</dev/tcp/127.0.0.1/8091'").rc == 0
        assert outside.open_ports("-p8091") == set()
    finally:
        server.run("docker rm -f open")


def test_the_certificate_is_of_the_hosts_ca(outside):
    seen = outside.handshake("api.farol.test", "-verify_return_error")
    assert seen.rc == 0 and "Verify return code: 0 (ok)" in seen.stdout


def test_an_unknown_name_gets_no_certificate(outside):
    seen = outside.handshake("stranger.farol.test")
    assert seen.rc != 0 and "BEGIN CERTIFICATE" not in seen.stdout


def test_old_tls_is_refused(outside):
    assert outside.handshake("api.farol.test", "-tls1_1").rc != 0


def test_plain_http_leads_to_https(outside):
    response = outside.curl("'http://api.farol.test/x?y=1'")
    assert response.status == 301
    assert response.headers["location"] == "https://api.farol.test/x?y=1"


def test_the_application_answers_with_security_headers_and_no_version(outside):
    response = outside.curl(f"{URL}/health/detailed")
    assert response.status == 200 and response.json()["status"] == "ok"
    assert response.headers["strict-transport-security"].startswith("max-age=")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["server"] == "nginx"


def test_metrics_are_for_the_host_alone(server, outside):
    assert outside.curl(f"{URL}/metrics").status == 404
    published = server.check_output(
        "docker ps --filter label=farol.app=api --filter name=web --format '{{.Ports}}'"
    )
    address = published.split("->")[0]
    assert address.startswith("127.0.0.1:")
    fetch = (
        f"import urllib.request as r; print(r.urlopen('http://{address}/metrics').read().decode())"
    )
    assert "# HELP" in server.check_output(f'python3 -c "{fetch}"')


def test_a_web_socket_echoes(lab, outside):
    script = (
        "import asyncio, ssl, websockets\n"
        "async def main():\n"
        f"    trust = ssl.create_default_context(cafile='{outside.ca}')\n"
        f"    async with websockets.connect('wss://api.farol.test/ws', host='{lab.address}', ssl=trust,\n"
        "                                  server_hostname='api.farol.test') as socket:\n"
        "        await socket.send('ahoy')\n"
        "        print(await asyncio.wait_for(socket.recv(), 60))\n"
        "asyncio.run(main())"
    )
    assert "ahoy" in outside.shell.check_output(f'python3 -c "{script}"')


def test_a_webhook_arrives_in_the_database_with_its_request_id(server, outside):
    order = "-X POST -H 'content-type: application/json' -d '{\"order\": 7}'"
    response = outside.curl(f"{URL}/webhooks/shop", order)
    queued = response.json()
    job, request_id = queued["job_id"], queued["request_id"]
    assert response.headers["x-request-id"] == request_id
    query = f"SELECT request_id FROM webhook_jobs WHERE id = '{job}'"
    database = (
        "docker exec api-accessories-postgres-1 psql --username app --tuples-only --no-align -c"
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        stored = server.check_output(f'{database} "{query}"')
        if stored:
            break
        time.sleep(0.2)
    assert stored == request_id
    assert request_id in server.check_output("docker logs api-services-worker-1 2>&1")
