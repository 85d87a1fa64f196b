# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scripts that the role nginx puts on a host: when certificates end, and what a renewal does."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from certificates_host import make

TREE = Path(__file__).resolve().parents[3] / "roles/nginx/templates/tree"
SCRIPT = TREE / "usr/local/lib/farol/certificate-metrics"
HOOK = TREE / "etc/letsencrypt/renewal-hooks/deploy/farol-nginx"


class Host:
    def __init__(self, folder):
        self.links, self.list = folder / "tls", folder / "tls.list"
        self.metrics = folder / "node/exporter"
        self.links.mkdir()

    def run(self):
        """Exit code, error output, and the metrics by their names."""
        places = {"LINKS": self.links, "LIST": self.list, "METRICS": self.metrics}
        env = {f"FAROL_{name}": str(path) for name, path in places.items()}
        done = subprocess.run(
            ["sh", str(SCRIPT)],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        (file,) = self.metrics.iterdir()
        assert file.name == "farol_certificates.prom" and file.stat().st_mode & 0o777 == 0o644
        lines = [line for line in file.read_text().splitlines() if line[0] != "#"]
        return done.returncode, done.stderr, dict(line.rsplit(" ", 1) for line in lines)

    def link(self, name, **more):
        placeholder = more.pop("placeholder", False)
        folder = self.links / ".placeholder" / name if placeholder else self.links.parent / name
        make(folder, f"{name}.example", **more)
        (self.links / name).symlink_to(folder)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def ends(metrics, name):
    return int(metrics[f'farol_certificate_not_after_seconds{{name="{name}"}}'])


def test_all_certificates_are_told_of(host):
    host.link("api", days=60)
    host.link("new", days=90, placeholder=True)
    given, _key = make(host.links.parent / "given", "shop.example", days=30)
    host.list.write_text(f"# name path\n\nshop {given}\n")

    code, errors, metrics = host.run()
    assert (code, errors) == (0, "")
    for name, days in (("api", 60), ("new", 90), ("shop", 30)):
        assert abs(ends(metrics, name) - time.time() - days * 86400) < 60
    placeholders = {
        name: metrics[f'farol_certificate_placeholder{{name="{name}"}}']
        for name in ("api", "new", "shop")
    }
    assert placeholders == {"api": "0", "new": "1", "shop": "0"}
    assert abs(int(metrics["farol_certificates_checked_timestamp_seconds"]) - time.time()) < 60
    assert len(metrics) == 7


def test_the_format_is_prometheus(host):
    host.link("api")
    host.link("www")
    host.run()
    text = (host.metrics / "farol_certificates.prom").read_text()
    groups = re.findall(
        r"# HELP (\S+) .+\n# TYPE \1 gauge\n((?:\1(?:\{name=\"[a-z]+\"\})? \d+\n)+)", text
    )
    assert [(name, lines.count("\n")) for name, lines in groups] == [
        ("farol_certificate_not_after_seconds", 2),
        ("farol_certificate_placeholder", 2),
        ("farol_certificates_checked_timestamp_seconds", 1),
    ]
    assert "".join(f"# HELP {name} " for name, _lines in groups).count("HELP") == text.count("HELP")


def test_what_ends_soon_fails_after_it_has_been_told(host):
    host.link("api", days=60)
    host.link("old", days=13, age=77)
    host.link("gone", days=-1, age=91)
    code, errors, metrics = host.run()
    assert code == 1 and len(metrics) == 7
    gone, old = errors.splitlines()
    assert re.fullmatch(
        rf"gone: {host.links}/gone/fullchain\.pem ends on \d{{4}}-\d\d-\d\d \d\d:\d\d UTC; "
        "look at 'systemctl status certbot'",
        gone,
    )
    assert old.startswith("old: ")


@pytest.mark.parametrize(
    ("days", "age", "code"),
    [(13, 77, 1), (15, 75, 0), (2, 4, 0), (1, 5, 1)],
    ids=["long, late", "long, early", "short, early", "short, late"],
)
def test_a_short_life_has_a_short_warning(host, days, age, code):
    host.link("api", days=days, age=age)
    assert host.run()[0] == code


def test_what_cannot_be_read_counts_as_ended(host):
    host.link("api")
    (host.links.parent / "api/fullchain.pem").write_text("")
    (host.links / "lost").symlink_to("/nowhere")
    (host.links / "note").write_text("mine")
    code, errors, metrics = host.run()
    assert code == 1 and ends(metrics, "api") == ends(metrics, "lost") == 0
    assert errors == (
        f"api: {host.links}/api/fullchain.pem holds no certificate\n"
        f"lost: {host.links}/lost/fullchain.pem holds no certificate\n"
    )


def test_no_certificates(host):
    host.links.rmdir()
    code, errors, metrics = host.run()
    assert (code, errors) == (0, "") and len(metrics) == 1


@pytest.mark.parametrize(
    ("fails", "code", "calls"),
    [
        ("", 0, ["nginx -t -q", "systemctl reload nginx", "systemctl start --no-block farol-certificates.service"]),
        ("start", 0, ["nginx -t -q", "systemctl reload nginx", "systemctl start --no-block farol-certificates.service"]),
        ("-t", 1, ["nginx -t -q"]),
        ("reload", 1, ["nginx -t -q", "systemctl reload nginx"]),
    ],
    ids=["all well", "another ends soon", "bad configuration", "no reload"],
)  # fmt: skip
def test_a_renewal_reloads_nginx(tmp_path, fails, code, calls):
    for name in ("nginx", "systemctl"):
        command = tmp_path / name
        command.write_text(
            f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls\n[ "$1" != "{fails}" ]\n'
        )
        command.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run(["sh", str(HOOK)], env=env, check=False).returncode == code
    assert (tmp_path / "calls").read_text().splitlines() == calls
