"""What the tests of certificates share."""

from __future__ import annotations

import json
import re

import yaml

ACME = "https://172.30.99.6"


def serial(outside, name):
    return shown(outside, name, "-serial")


def issuer(outside, name):
    return shown(outside, name, "-issuer -ext subjectAltName")


def shown(outside, name, what):
    """What openssl says of the certificate that a name is served with."""
    return outside.shell.run(
        f"openssl s_client -connect {outside.lab.address}:443 -servername {name} </dev/null 2>/dev/null"
        f" | openssl x509 -noout {what}"
    ).stdout.strip()


def configure(lab, **options):
    run = lab.playbook("molecule/nginx/converge.yml", "-e", json.dumps(options))
    return run, re.sub(r"\s+", " ", run.stdout)


def sites(lab, *more):
    listing = (lab.inventory / "group_vars/all/sites.yml").read_text()
    text = listing.replace("{{ inventory_hostname }}", lab.name)
    return [*yaml.safe_load(text)["nginx_sites"], *more]
