from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _backup_conf as conf

S3 = {
    "name": "spaces",
    "type": "s3",
    "path": "/farol",
    "bucket": "acme",
    "endpoint": "s3.example.com",
    "region": "fra1",
    "uri_style": "path",
    "access_key": "AK",
    "secret_key": "s3cret/+key",
    "password": "pass-phrase-long",
    "ca_file": "/etc/ca.pem",
    "keep_full": 3,
    "keep_diff": 0,
}
SFTP = {
    **S3,
    "name": "box",
    "type": "sftp",
    "host": "box.example.com",
    "port": 23,
    "user": "u1",
    "private_key": "PRIVATE",
    "host_key": "ssh-ed25519 AAAA",
}
LOCAL = {**S3, "name": "disk", "type": "local", "path": "/mnt/backup/"}
CLUSTER = {"name": "main", "path": "/var/lib/postgresql/16/main", "port": 5432}


def config(*repositories, version="2.50", **more):
    return {
        "host": "db1",
        "repositories": list(repositories),
        "clusters": [CLUSTER],
        "sources": [],
        "pgbackrest_version": version,
        "archive_queue_max": "4GiB",
        "compress": "lz4",
        "processes": 1,
        **more,
    }


def test_two_repositories_at_once():
    text = conf.pgbackrest_conf(config(S3, LOCAL))
    assert "repo1-type=s3\nrepo1-path=/farol/db1/pgbackrest\n" in text
    assert "repo1-storage-ca-file=/etc/ca.pem" in text and "repo1-cipher-type=aes-256-cbc" in text
    assert "repo2-type=posix\nrepo2-path=/mnt/backup/db1/pgbackrest\n" in text
    assert "archive-async=y" in text and "expire-auto=n" in text
    assert "[main]\npg1-path=/var/lib/postgresql/16/main\n" in text
    assert "retention-diff" not in text, "0 is as many as there are full ones for"


@pytest.mark.parametrize(
    ("version", "there"),
    [("2.37", set()), ("2.45", {"bundle"}), ("2.50", {"bundle", "block"})],
)
def test_an_option_that_a_version_lacks_is_left_out(version, there):
    text = conf.pgbackrest_conf(config(S3, version=version))
    assert {option for option in ("bundle", "block") if f"repo1-{option}=y" in text} == there


def test_another_hosts_backups_without_the_live_cluster():
    text = conf.pgbackrest_conf(config(S3), "db0", {"lock-path": "/x"}, clusters=False)
    assert "repo1-path=/farol/db0/pgbackrest" in text and "lock-path=/x" in text
    assert "pg1-path" not in text


def test_sftp():
    text = conf.pgbackrest_conf(config(SFTP))
    assert "repo1-sftp-private-key-file=/etc/farol/backup/box.postgres.key" in text
    assert conf.known_hosts(config(SFTP)) == "[box.example.com]:23 ssh-ed25519 AAAA\n"
    assert conf.restic_repository(SFTP, "db1") == "sftp:u1@box.example.com:/farol/db1/restic"
    assert any(
        "sftp.command=ssh -i /etc/farol/backup/box.root.key -p 23" in o
        for o in conf.restic_options(SFTP)
    )


def test_restic_gets_its_secrets_by_its_environment_alone():
    environment = conf.restic_environment(S3, "db1")
    assert environment["RESTIC_REPOSITORY"] == "s3:https://s3.example.com/acme/farol/db1/restic"
    assert environment["AWS_SECRET_ACCESS_KEY"] == S3["secret_key"]
    assert not any(
        S3["secret_key"] in option or S3["password"] in option for option in conf.restic_options(S3)
    )
    other = {**S3, "endpoint": "minio:9000", "uri_style": "host", "ca_file": ""}
    assert conf.restic_repository(other, "db1").startswith("s3:https://minio:9000/")
    assert conf.restic_options(other) == [
        "--option",
        "s3.bucket-lookup=dns",
        "--option",
        "s3.region=fra1",
    ]
    assert conf.restic_repository(LOCAL, "db1") == "/mnt/backup/db1/restic"
    assert conf.restic_options(LOCAL) == []


def test_a_url_as_an_entry_of_the_service_file():
    url = "postgresql+asyncpg://me:p%40ss%2F@db.example.com:25060/shop?sslmode=require"
    lines = conf.libpq_service(url).splitlines()
    assert lines[0] == "[farol]"
    for line in (
        "host=db.example.com",
        "port=25060",
        "user=me",
        "password=p@ss/",
        "dbname=shop",
        "sslmode=require",
    ):
        assert line in lines
    assert "dbname=other" in conf.libpq_service(url, "other")


@pytest.mark.parametrize(
    ("url", "arguments", "password"),
    [
        ("redis://127.0.0.1", ["-h", "127.0.0.1", "-p", "6379"], ""),
        ("rediss://me:s%20x@r:6380/0", ["-h", "r", "-p", "6380", "--user", "me", "--tls"], "s x"),
    ],
)
def test_a_url_of_redis(url, arguments, password):
    assert conf.redis_arguments(url) == (arguments, password)


@pytest.mark.parametrize(
    ("url", "kind"), [("postgres://x/y", "postgresql"), ("rediss://x", "redis"), ("mysql://x", "")]
)
def test_the_kind_of_a_url(url, kind):
    assert conf.scheme(url) == kind


def test_the_database_of_a_url():
    assert conf.scheme_database("postgresql://me@h/sh%6Fp") == "shop"
    assert conf.scheme_database("postgresql://me@h") == "me"


def test_what_may_be_in_no_message():
    sources = [{"name": "a", "url": "postgresql://me:p%40ssword@h/d"}, {"name": "b"}]
    notify = {"slack_token": "T0/B0/xyz", "telegram_token": ""}
    found = conf.secrets(config(S3, SFTP, sources=sources, notify=notify))
    for secret in (S3["secret_key"], S3["password"], "PRIVATE", "p@ssword", "T0/B0/xyz"):
        assert secret in found
    assert "" not in found


def test_names_and_entries():
    given = config(S3, sources=[{"name": "uploads"}])
    assert conf.names(given) == ["main", "uploads"]
    assert conf.entry(given, "uploads") == {"name": "uploads"} and conf.entry(given, "x") is None
    assert conf.is_cluster(given, "main") and not conf.is_cluster(given, "uploads")
