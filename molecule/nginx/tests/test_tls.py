"""What a client gets to agree on, and whom the certificate is for."""

from __future__ import annotations

import subprocess

import pytest

WEB = "web.farol.test"
NEWEST = ("resolute", "trixie")


def test_a_trusted_certificate(outside):
    seen = outside.handshake(WEB, "-verify_return_error")
    assert seen.rc == 0 and "Verify return code: 0 (ok)" in seen.stdout


@pytest.mark.parametrize("name", ["stranger.farol.test", "172.30.99.1"])
def test_strangers_get_no_certificate(outside, name):
    seen = outside.handshake(name)
    assert seen.rc != 0 and "BEGIN CERTIFICATE" not in seen.stdout


@pytest.mark.parametrize(
    ("offer", "taken"),
    [
        ("-tls1_3", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", False),
        ("-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", False),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", False),
    ],
)
def test_what_is_agreed_on(outside, offer, taken):
    assert (outside.handshake(WEB, offer).rc == 0) is taken


def version(outside, *options):
    return outside.shell.check_output(
        f"curl -sS --cacert {outside.ca} --resolve {WEB}:443:{outside.lab.address} "
        f"-o /dev/null -w '%{{http_version}}' {' '.join(options)} https://{WEB}/"
    )


def test_http2(outside):
    assert version(outside) == "2"
    assert version(outside, "--http1.1") == "1.1"


@pytest.mark.only_on("jammy", "trixie")  # the oldest OpenSSL and one of the newest
def test_the_modern_profile_is_tls_1_3_alone(lab, outside):
    run = lab.playbook("molecule/nginx/converge.yml", "-e", "nginx_tls_profile=modern")
    assert run.returncode == 0, run.stdout
    try:
        assert outside.handshake(WEB, "-tls1_3").rc == 0
        assert outside.handshake(WEB, "-tls1_2").rc != 0
    finally:
        assert lab.playbook("molecule/nginx/converge.yml").returncode == 0


def test_http3_where_the_distribution_has_it(lab):
    """Asked by Debian 13's curl, the one that speaks it."""
    done = subprocess.run(
        ["docker", "exec", "nginx-trixie", "curl", "-sSk", "--http3-only", "--max-time", "30"]
        + ["--resolve", f"{WEB}:443:{lab.address}", "-o", "/dev/null", "-w", "%{http_version}"]
        + [f"https://{WEB}/"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ("3" if lab.name.endswith(NEWEST) else "0"), done.stderr


def test_the_post_quantum_exchange_where_openssl_has_it(lab):
    """Asked by Debian 13's OpenSSL."""
    done = subprocess.run(
        ["docker", "exec", "nginx-trixie", "sh", "-c"]
        + [f"openssl s_client -connect {lab.address}:443 -servername {WEB} -brief </dev/null 2>&1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("X25519MLKEM768" in done.stdout) is lab.name.endswith(NEWEST), done.stdout
