# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.app_with_bugsink import FilterModule
from ansible_collections.farol.vps.plugins.plugin_utils import _bugsink
from ansible_collections.farol.vps.plugins.plugin_utils._apps import check_apps, sites
from ansible_collections.farol.vps.plugins.plugin_utils._backup import sources_of_apps
from ansible_collections.farol.vps.plugins.plugin_utils._options import check_options

with_bugsink = FilterModule().filters()["app_with_bugsink"]
KEY, PASSWORD = "k" * 64, "not-to-be-shown"
GIVEN = {
    "domain": "errors.example.com",
    "secret_key": KEY,
    "admin_email": "ops@example.com",
    "admin_password": PASSWORD,
}
API = {
    "name": "api",
    "domain": "api.example.com",
    "image": "acme/api",
    "version": "1",
    "port": 8000,
}


def spec_of(role, option):
    path = Path(_bugsink.__file__).parents[2] / f"roles/{role}/meta/argument_specs.yml"
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    return spec["argument_specs"]["main"]["options"][option]["options"]


def test_nothing_is_added_unless_asked_for():
    assert with_bugsink([API], {}) == [API]
    assert with_bugsink([API], None) == [API]


def test_the_entry_is_one_that_every_role_takes():
    apps = with_bugsink([API], GIVEN)

    assert [app["name"] for app in apps] == ["api", "bugsink"]
    assert check_apps(apps) == []
    assert check_options(apps[1], spec_of("app", "apps")) == []
    assert (apps[1]["image"], apps[1]["version"]) == ("bugsink/bugsink", "2.6.2")
    assert apps[1]["env"]["BASE_URL"] == "https://errors.example.com"
    assert apps[1]["secrets"] == {
        "SECRET_KEY": KEY,
        "CREATE_SUPERUSER": f"ops@example.com:{PASSWORD}",
    }
    (site,) = sites(apps[1:])
    assert (site["domain"], site["health"]) == ("errors.example.com", "/health/ready")


def test_no_secret_is_outside_of_the_secrets():
    entry = with_bugsink([], GIVEN)[0]
    plain = str({key: value for key, value in entry.items() if key != "secrets"})

    assert KEY not in plain and PASSWORD not in plain


def test_it_is_added_once():
    once = with_bugsink([API], GIVEN)

    assert with_bugsink(once, GIVEN) == once


def test_what_is_said_goes_before_what_is_not():
    given = {
        **GIVEN,
        "name": "errors",
        "version": "2.7.0",
        "env": {"SITE_TITLE": "Errors", "PHONEHOME": "true"},
        "app": {"allow": ["198.51.100.0/24"], "max_body_size": "10m"},
    }
    entry = with_bugsink([], given)[0]

    assert (entry["name"], entry["version"], entry["allow"]) == (
        "errors",
        "2.7.0",
        ["198.51.100.0/24"],
    )
    assert entry["max_body_size"] == "10m"
    assert entry["env"] == {
        "BASE_URL": "https://errors.example.com",
        "BEHIND_HTTPS_PROXY": "true",
        "DATABASE_PATH": "/data/db.sqlite3",
        "PHONEHOME": "true",
        "SITE_TITLE": "Errors",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"domain": None}, "sentry_bugsink.domain: expected str"),
        ({"secret": KEY}, "sentry_bugsink.secret: unknown; did you mean secret_key?"),
        ({"version": 2.6}, "sentry_bugsink.version: expected str, got float"),
        ({"secret_key": "short"}, "sentry_bugsink.secret_key: is shorter than 50 characters"),
        ({"admin_email": "admin"}, "sentry_bugsink.admin_email: 'admin' is no address"),
        (
            {"app": {"env": {}}},
            "sentry_bugsink.app.env: take it out; sentry_bugsink.env says that",
        ),
        ({"app": {"services": {}}}, "sentry_bugsink.app.services: take it out; no other place"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_shown(wrong, said):
    with pytest.raises(AnsibleFilterError) as caught:
        with_bugsink([], {**GIVEN, **wrong})

    assert said in str(caught.value)
    assert KEY not in str(caught.value) and PASSWORD not in str(caught.value)


def test_what_is_missing_is_named():
    with pytest.raises(AnsibleFilterError, match=r"sentry_bugsink\.admin_email: missing"):
        with_bugsink([], {"domain": "errors.example.com"})


def test_another_application_of_that_name_is_a_clash():
    with pytest.raises(AnsibleFilterError, match="apps has an entry bugsink of its own"):
        with_bugsink([{**API, "name": "bugsink"}], GIVEN)


def test_its_options_are_those_of_the_role():
    spec = spec_of("sentry", "sentry_bugsink")

    assert set(spec) == set(_bugsink.OPTIONS)
    for name, option in spec.items():
        assert option["type"] == _bugsink.OPTIONS[name]["type"]
        assert option.get("required", False) == _bugsink.OPTIONS[name].get("required", False)
        assert option.get("default") == _bugsink.DEFAULTS.get(name)


@pytest.fixture
def before():
    """The shell command that runs before a backup."""
    (source,) = sources_of_apps(with_bugsink([], GIVEN))
    assert source["volumes"] == ["farol-bugsink-data"]
    return source["before"]


def docker(folder, running):
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\necho "$@" >>{folder}/calls\n'
        f'case $1 in ps) printf "%s" "{running}" ;; exec) shift 2; exec "$@" ;; esac\n'
    )
    program.chmod(0o755)
    return f"{folder}:{sys.exec_prefix}/bin:/usr/bin:/bin"


def test_a_backup_has_a_whole_copy_of_the_database(before, tmp_path):
    before = before.replace("/data", str(tmp_path))
    with sqlite3.connect(tmp_path / "db.sqlite3") as live:
        live.execute("pragma journal_mode=wal")
        live.execute("create table events (id)")
        live.execute("insert into events values (7)")
        live.commit()
        # It is in the log beside the file as yet.
        path = docker(tmp_path / "bin", "4c01db0b339c")
        for _time in range(2):
            subprocess.run(["/bin/sh", "-c", before], env={"PATH": path}, check=True)

    copied = sqlite3.connect(tmp_path / "backup.sqlite3").execute("select id from events")
    assert copied.fetchall() == [(7,)]
    calls = (tmp_path / "bin/calls").read_text()
    assert "label=farol.app=bugsink" in calls


def test_a_backup_of_one_that_does_not_run_goes_on(before, tmp_path):
    path = docker(tmp_path / "bin", "")
    subprocess.run(["/bin/sh", "-c", before], env={"PATH": path}, check=True)

    assert "exec" not in (tmp_path / "bin/calls").read_text()


def test_a_copy_that_fails_fails_the_backup(before, tmp_path):
    path = docker(tmp_path / "bin", "4c01db0b339c")
    missing = before.replace("/data", str(tmp_path / "nowhere"))
    done = subprocess.run(
        ["/bin/sh", "-c", missing], env={"PATH": path}, check=False, capture_output=True
    )

    assert done.returncode != 0
    assert re.search(rb"unable to open", done.stderr)
    assert len(shlex.split(before)) > 8
