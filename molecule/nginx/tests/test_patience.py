"""What takes its time, on one host: uploads, events, slow clients, rotated logs."""

from __future__ import annotations

import time

ONLY = "noble"
WEB = "https://web.farol.test"


def test_a_large_upload_is_passed_on_as_it_comes(server, outside):
    outside.shell.check_output("truncate -s 500M /tmp/huge")
    before = server.check_output("du -sm /var/lib/nginx | cut -f1")
    told = outside.curl(
        f"{WEB}/upload", "--max-time 60 --limit-rate 200M -H Expect: --data-binary @/tmp/huge"
    ).json()
    assert told["bytes"] == 500 << 20
    assert told["last"] > 1 and told["first"] < told["last"] / 2
    assert server.check_output("du -sm /var/lib/nginx | cut -f1") == before
    outside.shell.check_output("rm /tmp/huge")


def test_events_arrive_when_they_are_made(outside):
    stream = f"curl -sN --cacert {outside.ca} --resolve web.farol.test:443:{outside.lab.address} {WEB}/events"
    seen = outside.shell.check_output(
        f'{stream} | while read -r line; do [ -z "$line" ] || echo "$(date +%s.%N) $line"; done'
    )
    (first, *one), (second, *two) = (line.split() for line in seen.splitlines())
    assert (one, two) == (["data:", "0"], ["data:", "1"])
    assert float(second) - float(first) > 1, "they came together"


def test_a_slow_client_is_cut_off(outside):
    start = time.monotonic()
    seen = outside.shell.run(
        f"timeout 25 python3 -c \"import socket; s = socket.create_connection(('{outside.lab.address}', 80)); "
        "s.sendall(b'GET / HTTP/1.1\\r\\nHost: web.farol.test\\r\\n'); s.recv(1)\""
    )
    assert seen.rc != 124, "still connected after 25 s"
    assert time.monotonic() - start > 8


def test_rotating_the_log_loses_no_line(server, outside):
    mark = f"rotated-{time.time_ns()}"
    ask = f"curl -s -o /dev/null --cacert {outside.ca} --resolve web.farol.test:443:{outside.lab.address} {WEB}/{mark}"
    outside.shell.check_output(
        f"(for i in $(seq 150); do {ask}; done; touch /tmp/asked) >/dev/null 2>&1 &"
    )
    time.sleep(1)
    server.check_output("logrotate --force /etc/logrotate.d/nginx")
    outside.shell.check_output(
        "timeout 300 sh -c 'until rm /tmp/asked 2>/dev/null; do sleep 0.2; done'"
    )
    logs = "/var/log/nginx/access.log.1 /var/log/nginx/access.log"
    counts = [int(server.run(f"grep -c /{mark} {log}").stdout) for log in logs.split()]
    assert sum(counts) == 150 and all(counts)
