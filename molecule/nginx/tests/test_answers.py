"""Headers, redirects, paths, limits: what a visitor gets."""

from __future__ import annotations

import json

import pytest

WEB = "https://web.farol.test"
OLD = "https://old.farol.test"
ALWAYS = {
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "content-security-policy": "default-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/fail", 500),
        ("/silent", 502),
        ("/private", 401),
        ("/inner", 403),
        ("/assets/lamp.css", 200),
        ("/assets/none", 404),
        ("/count/cached", 200),
    ],
)
def test_headers_come_with_every_answer(outside, path, status):
    response = outside.curl(WEB + path)
    assert response.status == status
    assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
    assert response.headers["server"] == "nginx" and "x-powered-by" not in response.headers


def test_a_site_can_have_headers_of_its_own(outside):
    headers = outside.curl(f"{OLD}/").headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "referrer-policy" not in headers and "content-security-policy" not in headers
    assert headers["content-security-policy-report-only"] == "default-src 'none'; script-src 'self'"


def test_the_policy_of_an_application_wins(outside):
    response = outside.shell.check_output(
        f"curl -sSD- -o/dev/null --cacert {outside.ca} "
        f"--resolve web.farol.test:443:{outside.lab.address} {WEB}/policy"
    )
    policies = [
        line for line in response.splitlines() if line.lower().startswith("content-security-policy")
    ]
    assert [line.partition(": ")[2].strip() for line in policies] == [
        "script-src 'nonce-made-by-the-application'"
    ]


def test_names_that_lead_elsewhere(outside):
    for url in ("http://www.farol.test/a?b=c", "https://www.farol.test/a?b=c"):
        response = outside.curl(f"'{url}'")
        assert (response.status, response.headers["location"]) == (301, f"{WEB}/a?b=c")
    assert outside.curl("http://web2.farol.test/").headers["location"] == "https://web2.farol.test/"
    assert outside.curl("https://web2.farol.test/").status == 200
    assert outside.curl(f"{WEB}/moved").headers["location"] == "https://elsewhere.farol.test/here"


def test_a_path_can_be_answered_by_another_application(outside):
    assert outside.curl(f"{WEB}/echo").json()["name"] == "new"
    seen = outside.curl(f"{WEB}/v1/echo").json()
    assert (seen["name"], seen["path"]) == ("old", "/v1/echo")


def test_files_of_the_host(outside):
    response = outside.curl(f"{WEB}/assets/lamp.css")
    assert response.headers["cache-control"] == "public, immutable"
    assert response.headers["content-type"] == "text/css" and response.body == "lamp{}"


def test_a_password_is_asked_for(outside):
    assert outside.curl(f"{WEB}/private", "-u ops:lantern").status == 200
    assert outside.curl(f"{WEB}/private", "-u ops:torch").status == 401


def test_the_host_itself_needs_no_password(server):
    ask = f"curl -sk -o /dev/null -w '%{{http_code}}' --resolve web.farol.test:443:127.0.0.1 {WEB}"
    assert server.check_output(f"{ask}/private") == "200"
    assert server.check_output(f"{ask}/inner") == "200"


def test_password_hashes_are_for_nginx_alone(server):
    file = server.file("/etc/nginx/passwords/web.7")
    assert (file.mode, file.user, file.group) == (0o640, "root", "www-data")


def test_text_is_compressed_and_the_rest_is_not(outside, lab):
    assert (
        outside.curl(f"{WEB}/", "-H 'Accept-Encoding: gzip' -o /dev/null -D -").headers[
            "content-encoding"
        ]
        == "gzip"
    )
    assert (
        "content-encoding"
        not in outside.curl(f"{WEB}/image", "-H 'Accept-Encoding: gzip' -o /dev/null -D -").headers
    )
    brotli = outside.curl(f"{WEB}/", "-H 'Accept-Encoding: br' -o /dev/null -D -").headers.get(
        "content-encoding"
    )
    assert brotli == (None if "jammy" in lab.name else "br")


def test_a_cached_answer_and_its_trace_in_the_log(server, outside):
    assert len({outside.curl(f"{WEB}/count/cached").body for _ in range(3)}) == 1
    assert len({outside.curl(f"{WEB}/count/cached", "-b session=1").body for _ in range(2)}) == 2
    lines = [
        json.loads(line)
        for line in server.check_output("tail -n 5 /var/log/nginx/access.log").splitlines()
    ]
    assert [line["cache"] for line in lines][-4:] == ["HIT", "HIT", "BYPASS", "BYPASS"]
    assert outside.curl(f"{WEB}/count").body != outside.curl(f"{WEB}/count").body


def test_what_a_client_says_of_itself_is_dropped(outside):
    forged = "-H 'X-Forwarded-For: 192.0.2.9' -H 'X-Real-IP: 192.0.2.9' -H 'X-Request-ID: forged-request-id'"
    response = outside.curl(f"{WEB}/echo", forged)
    seen = response.json()["headers"]
    assert seen["x-forwarded-for"] == seen["x-real-ip"] == "172.30.99.3"
    assert seen["x-request-id"] == response.headers["x-request-id"] != "forged-request-id"


def test_what_a_trusted_proxy_says_counts(outside):
    address = f"172.30.99.{140 + int(outside.lab.address.rpartition('.')[2])}"
    with_its_address = f"--interface {address}"
    outside.shell.check_output(f"ip address replace {address}/24 dev eth0")
    try:
        told = "-H 'X-Forwarded-For: 192.0.2.9' -H 'X-Request-ID: request-1234'"
        response = outside.curl(f"{WEB}/echo", with_its_address, told)
        seen = response.json()["headers"]
        assert seen["x-forwarded-for"] == "192.0.2.9"
        assert seen["x-request-id"] == response.headers["x-request-id"] == "request-1234"
        odd = outside.curl(f"{WEB}/echo", with_its_address, "-H 'X-Request-ID: a b\"c'").json()[
            "headers"
        ]
        assert odd["x-request-id"] != 'a b"c' and len(odd["x-request-id"]) == 32
        assert (
            outside.curl(f"{WEB}/inner", with_its_address, "-H 'X-Forwarded-For: 192.0.2.9'").status
            == 200
        )
    finally:
        outside.shell.check_output(f"ip address delete {address}/24 dev eth0")


def statuses_of(outside, host: str, path: str) -> list[int]:
    """Of as many requests as curl makes of the path, one right after the other."""
    said = outside.shell.check_output(
        f"curl -sS --cacert {outside.ca} --resolve {host}:443:{outside.lab.address} "
        f"-o /dev/null -w '%{{http_code}}\\n' 'https://{host}{path}'"
    )
    return [int(status) for status in said.split()]


def test_too_many_requests(outside):
    statuses = statuses_of(outside, "web.farol.test", "/limited?[1-14]")
    assert statuses[:3] == [200, 200, 200] and statuses.count(429) >= 3
    assert outside.curl(f"{WEB}/").status == 200


def test_too_many_requests_for_a_whole_site(outside):
    statuses = statuses_of(outside, "old.farol.test", "/?[1-20]")
    assert statuses[:5] == [200] * 5 and statuses.count(429) >= 3
    assert outside.curl(f"{WEB}/v1/echo").status == 200


def test_too_many_at_the_same_time(outside):
    ask = (
        f"curl -sS --cacert {outside.ca} --resolve web.farol.test:443:{outside.lab.address} "
        f"-o /dev/null -w '%{{http_code}}\\n' '{WEB}/slow-lane?=8'"
    )
    statuses = outside.shell.check_output(f"for i in 1 2 3 4; do {ask} & done; wait").split()
    assert sorted(statuses) == ["200", "200", "429", "429"]


def test_bodies_that_are_too_large(outside):
    outside.shell.check_output(
        "head -c 2000 /dev/zero >/tmp/small; head -c 21000000 /dev/zero >/tmp/large"
    )
    assert outside.curl(f"{WEB}/small", "--data-binary @/tmp/small").status == 413
    assert outside.curl(f"{WEB}/", "-H Expect: --data-binary @/tmp/large").status == 413


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/wp-login.php", "/a/phpmyadmin/"])
def test_scanners_get_no_answer(outside, path):
    seen = outside.shell.run(
        f"curl -s --cacert {outside.ca} --resolve web.farol.test:443:{outside.lab.address} {WEB}{path}"
    )
    assert seen.rc in (52, 92) and not seen.stdout  # an empty answer, over HTTP/1.1 and HTTP/2
    assert outside.curl(f"{WEB}/environment").status == 200


def test_a_bad_bot_gets_no_answer(outside):
    seen = outside.shell.run(
        f"curl -s -A 'Mozilla BadBot/2' --cacert {outside.ca} --resolve web.farol.test:443:{outside.lab.address} {WEB}/"
    )
    assert seen.rc in (52, 92)
