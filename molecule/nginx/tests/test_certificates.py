"""Certificates of a real ACME server, and their renewal."""

from __future__ import annotations

import re
import time

import pytest
from signed import ACME, configure, issuer, serial

# It signs for two minutes, so that each certbot renews at once or after half of it.
SHORT = f"{ACME}:14002/dir"


def test_a_site_has_a_certificate_for_all_its_names(lab, outside):
    seen = issuer(outside, f"{lab.name}.acme.test")
    assert "Pebble" in seen
    assert f"DNS:{lab.name}.acme.test, DNS:www.{lab.name}.acme.test" in seen
    assert "Pebble" not in issuer(outside, "web.farol.test")


def test_when_it_ends_is_a_metric(lab, server):
    server.check_output("systemctl start farol-certificates")
    text = server.check_output("cat /var/lib/prometheus/node-exporter/farol_certificates.prom")
    ends = dict(re.findall(r'farol_certificate_not_after_seconds\{name="([a-z]+)"\} (\S+)', text))
    for name, file in (
        ("signed", "/etc/farol/tls/signed/fullchain.pem"),
        ("web", "/etc/farol/ca/host.crt"),
    ):
        told = server.check_output(
            f'date -d "$(openssl x509 -noout -enddate -in {file} | cut -d= -f2)" +%s'
        )
        assert float(ends[name]) == float(told)


@pytest.mark.only_on("jammy", "trixie")  # the oldest certbot and one of the newest
def test_a_renewal_by_certbots_own_timer_is_seen_on_the_wire(lab, server, outside):
    name = f"{lab.name}.acme.test"
    run, _ = configure(lab, nginx_acme_server=SHORT)
    assert run.returncode == 0, run.stdout
    before = serial(outside, name)
    renew = "systemctl start certbot.service"
    if "jammy" in lab.name:  # whose unit waits for up to eight minutes first
        renew = (
            "REQUESTS_CA_BUNDLE=/etc/ssl/lab-acme.pem certbot renew -q --no-random-sleep-on-renew"
        )
    deadline = time.monotonic() + 300
    while serial(outside, name) == before:
        assert time.monotonic() < deadline, server.check_output(
            "journalctl -u certbot | tail -n 30"
        )
        server.check_output(renew)
        time.sleep(2)
    run, _ = configure(lab)
    assert run.returncode == 0, run.stdout


def test_what_a_killed_run_left_unserved_is_served_by_the_next(lab, server, outside):
    name = f"{lab.name}.acme.test"
    before = serial(outside, name)
    server.check_output(
        "REQUESTS_CA_BUNDLE=/etc/ssl/lab-acme.pem certbot renew -q --no-random-sleep-on-renew "
        "--force-renewal --no-directory-hooks --cert-name signed"
    )
    assert serial(outside, name) == before
    run, _ = configure(lab)
    assert run.returncode == 0, run.stdout
    assert serial(outside, name) != before
