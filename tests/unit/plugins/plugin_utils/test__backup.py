from __future__ import annotations

import base64
import json

import pytest
import yaml
from ansible_collections.farol.vps.plugins.filter.backup_config import FilterModule as Config
from ansible_collections.farol.vps.plugins.filter.backup_failures import backup_failures
from ansible_collections.farol.vps.plugins.filter.backup_faults import FilterModule as Faults
from ansible_collections.farol.vps.plugins.filter.backup_files import FilterModule as Files
from ansible_collections.farol.vps.plugins.filter.backup_sources import FilterModule as Sources
from ansible_collections.farol.vps.plugins.filter.backups_table import backups_table
from ansible_collections.farol.vps.plugins.filter.drill_results import drill_results
from ansible_collections.farol.vps.tools.role_docs import ROLES

complete = Config().filters()["backup_config"]
faults = Faults().filters()["backup_faults"]
files = Files().filters()["backup_files"]
sources = Sources().filters()["backup_sources"]

VERSIONS = {"pgbackrest": "2.50", "restic": "0.16", "postgresql": "16"}
S3 = {
    "name": "spaces",
    "type": "s3",
    "bucket": "acme",
    "endpoint": "s3.example.com",
    "access_key": "AK",
    "secret_key": "SK",
    "password": "long-pass-phrase",
}
SFTP = {
    "name": "box",
    "type": "sftp",
    "host": "box",
    "user": "me",
    "private_key": "PRIVATE KEY",
    "host_key": "ssh-ed25519 AAAA",
    "password": "long-pass-phrase",
    "path": "/backups",
}


def settings(**more):
    role = yaml.safe_load((ROLES / "backup/vars/main.yml").read_text())["__backup_settings"]
    given = yaml.safe_load((ROLES / "backup/defaults/main.yml").read_text())
    found = {key: given.get(f"backup_{key}") for key in role}
    return {
        **found,
        "host": "db1",
        "repositories": [S3],
        "clusters": [{"name": "main"}],
        "sources": [],
        "notify": {},
        **more,
    }


def test_what_is_left_out_is_filled_in():
    found = complete(settings(), VERSIONS)
    (repository,) = found["repositories"]
    assert (
        repository["path"] == "/farol"
        and repository["uri_style"] == "path"
        and repository["keep_full"] == 3
    )
    (cluster,) = found["clusters"]
    assert (
        cluster["path"] == "/var/lib/postgresql/16/main" and cluster["unit"] == "postgresql@16-main"
    )
    assert cluster["schedule"] == "*-*-* 02:30:00" and "show archive_mode" in cluster["restart"]


def test_what_is_given_stays():
    cluster = {"name": "main", "version": "17", "path": "/data", "port": 5433, "schedule": "hourly"}
    source = {"name": "u", "type": "files", "paths": ["/u"], "keep": {"daily": 1}, "schedule": None}
    found = complete(settings(clusters=[cluster], sources=[source]), VERSIONS)
    assert found["clusters"][0]["path"] == "/data" and found["clusters"][0]["schedule"] == "hourly"
    assert found["sources"][0]["keep"] == {"last": 3, "daily": 1, "weekly": 4, "monthly": 6}
    assert found["sources"][0]["schedule"] == "*-*-* 02:30:00"


def test_the_files_of_a_host():
    found = files(complete(settings(repositories=[S3, SFTP]), VERSIONS))
    assert sorted(found) == [
        "etc/farol/backup.json",
        "etc/farol/backup/box.postgres.key",
        "etc/farol/backup/box.root.key",
        "etc/farol/backup/known_hosts",
        "etc/pgbackrest/pgbackrest.conf",
    ]
    assert found["etc/farol/backup/box.root.key"] == "PRIVATE KEY\n"
    assert "unit" not in json.loads(found["etc/farol/backup.json"])["clusters"][0]


def test_without_clusters_pgbackrest_is_left_alone():
    found = files(complete(settings(repositories=[SFTP], clusters=[]), VERSIONS))
    assert (
        "etc/pgbackrest/pgbackrest.conf" not in found
        and "etc/farol/backup/box.postgres.key" not in found
    )


def test_nothing_is_wrong():
    url = "postgresql://me:p%40ss@db:5432/shop"
    good = [
        {"name": "a", "type": "files", "volumes": ["v"]},
        {"name": "b", "type": "postgresql", "url": url},
        {"name": "c", "type": "postgresql", "container": "db", "database": "app"},
        {"name": "d", "type": "redis", "url": "rediss://:x@cache"},
    ]
    assert faults(settings(sources=good, repositories=[S3, SFTP]), VERSIONS) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"repositories": [{**S3, "bucket": ""}]},
            "backup_repositories: spaces: type s3 needs bucket",
        ),
        ({"repositories": [{**SFTP, "host_key": None}]}, "box: type sftp needs host_key"),
        ({"repositories": [{**S3, "password": "short"}]}, "password is shorter than 12 characters"),
        (
            {"repositories": [{**S3, "password": "long-enough#but"}]},
            "which pgBackRest takes for its end",
        ),
        ({"repositories": [{**SFTP, "path": "backups"}]}, "path has to begin with /"),
        (
            {"repositories": [{**S3, "endpoint": "https://x"}]},
            "endpoint is a host without https://",
        ),
        ({"repositories": [S3, S3]}, "a name is there twice; rename one"),
        ({"repositories": []}, "nowhere to store it; set backup_repositories"),
        ({"keep_full": 0}, "at least one full backup has to stay"),
        ({"repositories": [{**S3, "keep_full": 0}]}, "at least one full backup has to stay"),
        (
            {
                "scratch_dir": "/srv",
                "sources": [{"name": "x", "type": "files", "paths": ["/srv/x"]}],
            },
            "backup_scratch_dir: /srv is emptied again and again, and /srv/x is in it; give it a folder of its own",
        ),
        ({"work_dir": "/var/lib/postgresql/"}, "and /var/lib/postgresql/16/main is in it"),
        ({"clusters": [{"name": "Main!"}]}, "'Main!' is no name for a source"),
        (
            {"sources": [{"name": "main", "type": "files", "paths": ["/x"]}]},
            "main is there twice; rename one",
        ),
        ({"sources": [{"name": "x", "type": "files"}]}, "x: type files needs paths or volumes"),
        (
            {"sources": [{"name": "x", "type": "files", "paths": ["srv"]}]},
            "srv has to be an absolute path below /",
        ),
        (
            {"sources": [{"name": "x", "type": "files", "paths": ["/"]}]},
            "/ has to be an absolute path below /",
        ),
        ({"sources": [{"name": "x", "type": "redis"}]}, "type redis needs either url or container"),
        (
            {"sources": [{"name": "x", "type": "redis", "url": "postgres://h/d"}]},
            "its url is no redis:// URL",
        ),
        (
            {"sources": [{"name": "x", "type": "postgresql", "url": "postgres://u:a/b@h/d"}]},
            "its url can't be read",
        ),
        (
            {"sources": [{"name": "x", "type": "postgresql", "container": "c"}]},
            "database is missing",
        ),
    ],
)
def test_each_fault_names_the_thing_and_the_remedy(change, said):
    found = "; ".join(faults(settings(**change), VERSIONS))
    assert said in found
    assert "SK" not in found and "long-pass-phrase" not in found


def test_sftp_needs_a_pgbackrest_that_has_it():
    old = {**VERSIONS, "pgbackrest": "2.37"}
    (fault,) = faults(settings(repositories=[SFTP]), old)
    assert "pgBackRest 2.37 of this distribution has no SFTP; use s3 or a mounted folder" in fault
    assert faults(settings(repositories=[SFTP], clusters=[]), old) == []


def test_what_applications_hold():
    apps = [
        {
            "name": "api",
            "backup": {"volumes": ["uploads"]},
            "accessories": {
                "postgres": {
                    "image": "docker.io/pgvector/pgvector:pg16",
                    "env": {"POSTGRES_USER": "u", "POSTGRES_DB": "d"},
                },
                "redis": {"image": "redis:7"},
            },
        },
        {"name": "web"},
        {"name": "old", "accessories": {"db": {"image": "postgres@sha256:12"}}},
    ]
    assert sources(apps) == [
        {
            "name": "api-postgres",
            "type": "postgresql",
            "container": "api-accessories-postgres-1",
            "user": "u",
            "database": "d",
        },
        {"name": "api-volumes", "type": "files", "volumes": ["farol-api-uploads"]},
        {
            "name": "old-db",
            "type": "postgresql",
            "container": "old-accessories-db-1",
            "user": "postgres",
            "database": "postgres",
        },
    ]


def test_failures_are_named_once():
    bad = {"last_run_ok": False, "last_error": "main: the database does not answer"}
    info = {
        "sources": {
            "main": {"a": bad, "b": bad},
            "shop": {"a": {"last_run_ok": True, "last_error": ""}},
        }
    }
    assert backup_failures(info, "db1") == ["db1: main: the database does not answer"]
    assert "journalctl" in backup_failures({"sources": {}}, "db1")[0]


def test_reports_of_drills():
    report = {
        "source": "main",
        "results": [
            {
                "repository": "a",
                "ok": True,
                "backup": "F",
                "seconds": 2,
                "data_from": "then",
                "checks": ["x", "y"],
            },
            {"repository": "b", "ok": False, "error": "damaged"},
        ],
    }
    content = base64.b64encode(json.dumps(report).encode()).decode()
    found = drill_results(
        [{"item": "main", "content": content}, {"item": "shop", "msg": "not found"}]
    )
    assert [result["ok"] for result in found] == [True, False, False]
    assert found[0]["line"] == "main from a: F restored in 2 s, data from then; x, y"
    assert (
        found[1]["line"] == "main from b: damaged"
        and "shop: there is no report" in found[2]["line"]
    )


def test_an_old_report_does_not_speak_for_a_drill_that_failed():
    passed = {"repository": "a", "ok": True, "backup": "F", "seconds": 2, "data_from": "then"}
    report = {"source": "main", "results": [{**passed, "checks": ["x"]}]}
    reports = [{"item": "main", "content": base64.b64encode(json.dumps(report).encode())}]
    assert drill_results(reports, [{"item": "main", "rc": 0}])[0]["ok"]
    (found,) = drill_results(reports, [{"item": "main", "rc": 1}])
    assert not found["ok"] and "journalctl -u farol-drill@main" in found["line"]


def test_a_table_with_what_did_not_answer():
    shown = backups_table({"backups": [], "faults": ["far: the storage does not answer"]})
    assert shown.splitlines()[-1] == "far: the storage does not answer"
