"""Backups of a host whose tools are in memory."""

from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_dump,
    _backup_pgbackrest,
    _backup_run,
    _backup_watch,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from ansible_collections.farol.vps.plugins.module_utils._backup_pgbackrest import PgBackRest
from ansible_collections.farol.vps.plugins.module_utils._backup_restic import Restic, unreadable
from backup_tools import CONFIG, Tools


@pytest.fixture
def tools():
    return Tools()


@pytest.fixture
def host(tmp_path, tools, monkeypatch):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    config = copy.deepcopy(CONFIG)
    config |= {"work_dir": str(tmp_path / "work"), "scratch_dir": str(tmp_path / "scratch")}
    config["sources"][0]["paths"] = [str(uploads)]
    config["clusters"][0]["path"] = str(uploads)
    monkeypatch.setattr(Host, "run", lambda self, *args, **kwargs: tools.run(*args, **kwargs))
    return Host(config, str(tmp_path / "state"), str(tmp_path / "metrics"), str(tmp_path / "locks"))


def metrics(host, source):
    with open(f"{host.metrics}/farol_backup_{source}.prom") as handle:
        return handle.read()


def place(host, number=0):
    return host.config["repositories"][number]


def test_a_cluster_goes_to_both_repositories_first_full_then_differential(host, tools):
    done = _backup_run.run(host, "main")
    assert [line.split()[:4] for line in done] == [
        ["main", "to", "near:", "full"],
        ["main", "to", "far:", "full"],
    ]
    assert _backup_run.run(host, "main")[0].startswith("main to near: diff")
    assert "farol_backup_success" in metrics(host, "main") and 'repository="far"} 1' in metrics(
        host, "main"
    )
    assert tools.called("pgbackrest", "--repo=2", "expire")


def test_one_repository_that_fails_does_not_keep_the_other_from_being_made(host, tools):
    tools.on(
        "--repo=1",
        "--type=",
        err="ERROR: [103]: HTTP request failed with 403 (Forbidden)",
        code=103,
    )
    with pytest.raises(Failed) as failure:
        _backup_run.run(host, "main")
    assert "main to far: full" in str(failure.value)
    assert "main to near: the storage refuses the credentials" in str(failure.value)
    text = metrics(host, "main")
    assert 'farol_backup_success{source="main",repository="near"} 0' in text
    assert 'farol_backup_success{source="main",repository="far"} 1' in text
    assert 'last_success_timestamp_seconds{source="main",repository="near"}' not in text


def test_retention_stands_still_while_the_last_drill_has_failed(host, tools):
    host.ended("main", "drill", "near", time.time(), "damaged")
    near, far = _backup_run.run(host, "main")
    assert near.endswith(_backup_run.HELD) and not far.endswith(_backup_run.HELD)
    assert not tools.called("--repo=1", "expire") and tools.called("--repo=2", "expire")


def test_a_backup_with_wrong_page_checksums_is_a_failure_and_evicts_nothing(host, tools):
    tools.stanzas = {("main", 1): [], ("main", 2): []}
    tools.on("--repo=1", "--type=", do=lambda *_: tools.add("main", 1, "full", error=True) and None)
    with pytest.raises(Failed, match="the database itself is damaged; nothing older was removed"):
        _backup_run.run(host, "main")
    assert not tools.called("--repo=1", "expire")


def test_success_without_a_backup_is_no_success(host, tools):
    tools.on("--type=full")
    with pytest.raises(Failed, match="reports success, and there is no new backup"):
        _backup_run.run(host, "main")


def test_files_are_stored_and_marked_whole_once_restic_has_said_so(host, tools):
    done = _backup_run.run(host, "uploads")
    assert len(done) == 2
    for snapshots in tools.snapshots.values():
        assert snapshots[0]["tags"] == ["source=uploads", "bytes=500"]
    assert not any("a-long-password" in line for line in tools.calls)


def test_what_restic_could_not_read_is_kept_as_partial_and_is_a_failure(host, tools):
    partial = Tools.store

    def store(argv, _text, _stdout):
        _code, out, _err = partial(tools, tools.snapshots.setdefault("/tmp/db1/restic", []), argv)
        return (
            3,
            out,
            '{"message_type":"error","error":{"message":"permission denied"},"item":"/srv/x"}',
        )

    tools.on("restic", "backup", do=store)
    with pytest.raises(Failed, match=r"which is partial.*/srv/x permission denied"):
        _backup_run.run(host, "uploads")
    assert "partial" in tools.snapshots["/tmp/db1/restic"][0]["tags"]
    assert not tools.called("restic", "forget")


def test_old_snapshots_go_and_the_count_says_so(host, tools):
    for _run in range(4):
        _backup_run.run(host, "uploads")
    assert [len(s) for s in tools.snapshots.values()] == [2, 2]
    assert tools.called("forget", "--prune")


def test_old_snapshots_stay_while_the_last_drill_has_failed(host, tools):
    for _run in range(4):
        done = _backup_run.run(host, "uploads")
        host.ended("uploads", "drill", "near", time.time(), "damaged")
        host.ended("uploads", "drill", "far", time.time(), "damaged")
    assert all(line.endswith(_backup_run.HELD) for line in done)


def test_hooks_surround_it(host, tools):
    host.config["sources"][0] |= {"before": "stop it", "after": "start it"}
    _backup_run.run(host, "uploads")
    order = [line for line in tools.calls if "it" in line.split() or " backup " in line]
    assert order[0].endswith("stop it") and order[-1].endswith("start it")


def test_a_hook_that_fails_lets_nothing_be_stored_and_the_other_one_run(host, tools):
    host.config["sources"][0] |= {"before": "stop it", "after": "start it"}
    tools.on("stop it", code=2, err="it does not stop")
    with pytest.raises(Failed, match="the hook before it failed with code 2: it does not stop"):
        _backup_run.run(host, "uploads")
    assert tools.called("start it") and not tools.called("restic", "backup")
    assert 'farol_backup_success{source="uploads",repository="near"} 0' in metrics(host, "uploads")


def test_the_hook_after_it_can_fail_too(host, tools):
    host.config["sources"][0]["after"] = "start it"
    tools.on("start it", code=1, err="no")
    with pytest.raises(Failed, match="the hook after it failed"):
        _backup_run.run(host, "uploads")


def test_paths_that_are_gone(host):
    host.config["sources"][0]["paths"] = ["/nowhere/at/all"]
    with pytest.raises(Failed, match="/nowhere/at/all is not there; correct paths"):
        _backup_run.run(host, "uploads")


def test_volumes_are_paths_of_docker():
    assert _backup_run.places({"paths": ["/a"], "volumes": ["v"]}) == [
        "/a",
        "/var/lib/docker/volumes/v/_data",
    ]


def test_a_source_that_there_is_not(host):
    with pytest.raises(Failed, match="there is no source x; there are main, uploads, shop, queue"):
        _backup_run.run(host, "x")


def test_nowhere_to_store_it(host):
    host.config["repositories"] = []
    with pytest.raises(Failed, match="set backup_repositories"):
        _backup_run.run(host, "main")


def test_a_disk_that_would_be_filled(host, tools):
    host.config["min_free_mb"] = 10**9
    with pytest.raises(
        Failed,
        match=r"needs .* in /tmp with .* to spare, and .* are free: .* are missing; free some space",
    ):
        _backup_run.run(host, "main")
    assert not tools.called("--type=")


def test_files_that_would_fill_a_disk(host, tools, monkeypatch):
    """What is new of them counts; what was stored before is stored once."""
    needed = []
    monkeypatch.setattr(Host, "need", lambda self, what, path, count, remedy: needed.append(count))
    path = Path(host.config["sources"][0]["paths"][0])
    (path / "large").write_bytes(b"x" * 100_000)
    _backup_run.run(host, "uploads")
    host.note("uploads", "backup", "near", size=90_000)
    _backup_run.run(host, "uploads")
    assert 100_000 <= needed[0] < 120_000 and needed[2] == needed[0] - 90_000


@pytest.mark.parametrize(
    ("kind", "need"),
    [("full", 1000), ("diff", 300)],
)
def test_what_a_cluster_may_take_is_what_the_last_of_its_kind_took(host, tools, kind, need):
    _backup_run.run(host, "main", "full")
    _backup_run.run(host, "main", "diff")
    there = PgBackRest(host).backups("near", "main")
    assert _backup_run._needed(there, kind, "/nowhere") == need
    assert _backup_run._needed([], "diff", "/nowhere") == 0


def test_a_disk_that_is_not_mounted(host):
    place(host)["path"] = "/mnt/away"
    with pytest.raises(Failed, match="near: /mnt/away is not there; mount it"):
        _backup_run.run(host, "main")


def test_a_run_that_dies_leaves_word_of_it(host, tools):
    def die(*_):
        raise KeyboardInterrupt

    tools.on("--type=", do=die)
    with pytest.raises(KeyboardInterrupt):
        _backup_run.run(host, "main")
    assert host.state("main")["running"]["backup"]


# Dumps.

DUMP = b"""--
COPY public.orders (id, note) FROM stdin;
1\ta
2\tCOPY public.fake (id) FROM stdin;
3\t\\\\.
\\.


COPY public."Odd name" (id) FROM stdin;
\\.

COPY public.wide FROM stdin;
x
\\.
"""


def test_rows_are_counted_by_table():
    tables, cut_off = _backup_dump.counted(DUMP.splitlines(keepends=True))
    assert cut_off == ""
    assert tables == {"public.orders": 3, 'public."Odd name"': 0, "public.wide": 1}


def test_a_dump_that_ends_within_rows():
    _tables, cut_off = _backup_dump.counted(DUMP.splitlines(keepends=True)[:3])
    assert cut_off == "public.orders"


@pytest.fixture
def postgresql(tools, tmp_path, monkeypatch):
    """pg_dump in memory, and a pg_restore that is a script, since the dump is read through a pipe."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def restore(body):
        for name in ("pg_restore", "docker"):
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)

    (tmp_path / "text").write_bytes(DUMP)
    restore(f"cat {tmp_path / 'text'}")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    tools.on(
        "psql", do=lambda argv, text, stdout: (0, "160004" if "version" in text else "5000", "")
    )

    def dump(_argv, _text, stdout):
        stdout.write(b"PGDMP")

    tools.on("pg_dump", do=dump)
    return restore


def test_a_dump_is_stored_with_its_manifest(host, tools, postgresql):
    stored = {}

    def store(argv, _text, _stdout):
        stored.update(json.loads(Path(argv[-1]).read_text()))
        return tools.do_restic(argv, tools.env)

    tools.on("restic", " backup ", do=store)
    _backup_run.run(host, "shop")
    assert (
        stored["tables"]["public.orders"] == 3
        and stored["database"] == "shop"
        and stored["server"] == 160004
    )
    assert stored["bytes"] == 5
    for snapshots in tools.snapshots.values():
        assert "bytes=5" in snapshots[0]["tags"]
    assert not any("s3cret-word" in line for line in tools.calls)
    assert list(Path(host.config["work_dir"]).iterdir()) == []


def test_a_dump_in_a_container(host, tools, postgresql):
    host.config["sources"][1] = {
        "name": "shop",
        "type": "postgresql",
        "container": "api-db",
        "user": "app",
        "database": "app",
    }
    _backup_run.run(host, "shop")
    assert tools.called("docker exec api-db pg_dump --username app", "app")


def test_a_dump_with_another_client(host, tools, postgresql):
    host.config["sources"][1]["client_image"] = "postgres:18"
    _backup_run.run(host, "shop")
    (call,) = tools.called("--entrypoint pg_dump postgres:18")
    assert "--env PGSERVICE=farol" in call and "s3cret-word" not in call


def test_a_dump_that_fails_half_way_is_no_backup(host, tools, postgresql):
    tools.on(
        "pg_dump", code=1, err="pg_dump: error: query failed: ERROR:  permission denied for table x"
    )
    with pytest.raises(Failed, match="pg_dump failed, so nothing was stored"):
        _backup_run.run(host, "shop")
    assert not tools.called("restic")
    assert 'farol_backup_success{source="shop",repository="far"} 0' in metrics(host, "shop")


def test_a_dump_that_can_not_be_read_back_is_no_backup(host, tools, postgresql):
    postgresql("echo 'pg_restore: error: could not read from input file: end of file' >&2; exit 1")
    with pytest.raises(Failed, match="the dump can't be read back, so nothing was stored"):
        _backup_run.run(host, "shop")
    assert not tools.called("restic")


def redis(tools, body, err="Transfer finished with success", code=0):
    tools.on("INFO", out="used_memory:1000\r\n")

    def rdb(_argv, _text, stdout):
        stdout.write(body)
        return code, "", err

    tools.on("--rdb", do=rdb)


WHOLE = b"REDIS0011xyz\xff12345678"


def test_a_dump_of_redis(host, tools):
    redis(tools, WHOLE)
    _backup_run.run(host, "queue")
    assert not any("r3dis-word" in line for line in tools.calls)


def test_the_mark_after_a_dump_of_redis_is_taken_off(host, tools):
    redis(tools, WHOLE + b"m" * 40, "writing bytes of bulk transfer until EOF marker to '-'")
    _backup_run.run(host, "queue")


@pytest.mark.parametrize(("body", "code"), [(WHOLE[:-3], 0), (b"ERR no", 0), (WHOLE, 1), (b"", 0)])
def test_a_dump_of_redis_that_is_not_whole(host, tools, body, code):
    redis(tools, body, code=code)
    with pytest.raises(Failed, match="Redis did not send a whole dump"):
        _backup_run.run(host, "queue")


def test_redis_that_is_down(host, tools):
    tools.on("INFO", code=1, err="Could not connect to Redis at cache:6379")
    with pytest.raises(Failed, match="the database does not answer"):
        _backup_run.run(host, "queue")


def test_redis_in_a_container(host, tools):
    host.config["sources"][2] = {
        "name": "queue",
        "type": "redis",
        "container": "c",
        "url": "redis://:pw-of-it@x",
    }
    redis(tools, WHOLE)
    _backup_run.run(host, "queue")
    assert tools.called("docker exec --env REDISCLI_AUTH c redis-cli", "--rdb -")


# The tools' own traps.


UNREADABLE = (
    '[{"backup":[],"db":[],"name":"main","repo":[{"cipher":"aes-256-cbc","key":1,"status":{"code":99,"message":"[FormatError] '
    "unable to load info file '/farol/db1/pgbackrest/backup/main/backup.info':\\nFormatError: key/value found outside of section "
    'at line 1: \ufffd\x0f\x1b\\fp%s"}}],"status":{"code":99,"message":"other"}}]'
)


@pytest.mark.parametrize("more", ["", '"'], ids=["control characters", "no JSON at all"])
def test_a_wrong_password_is_told_before_anything_is_stored(host, tools, more):
    tools.on("--output=json", out=UNREADABLE % more)
    with pytest.raises(Failed, match="it was encrypted with another password"):
        PgBackRest(host).probe("near")


def test_nothing_stored_yet_is_no_fault(host, tools):
    PgBackRest(host).probe("near")


def test_verify_needs_the_word_ok(host, tools):
    PgBackRest(host).verify("main", "near")
    tools.on(
        "verify",
        out="stanza: main\n  status: error\n  backup: x, status: invalid\n checksum invalid: 1\n",
    )
    with pytest.raises(
        Failed, match=r"main in near: verify: the backup is damaged.*checksum invalid: 1"
    ):
        PgBackRest(host).verify("main", "near")


@pytest.mark.parametrize(
    ("out", "good"),
    [("checksum invalid: 0, other: 0", True), ("checksum invalid: 2", False), ("ERROR: x", False)],
)
def test_an_older_verify_is_judged_by_its_counts(host, tools, out, good):
    host.config["pgbackrest_version"] = "2.37"
    tools.on("verify", out=out)
    if good:
        PgBackRest(host).verify("main", "near")
    else:
        with pytest.raises(Failed, match="damaged"):
            PgBackRest(host).verify("main", "near")
    assert not tools.called("--output=text")


def test_restic_reads_the_data_back(host, tools):
    Restic(host, place(host)).prepare()
    Restic(host, place(host)).verify()
    # A drill may not write to the repository, not even a lock.
    assert tools.called("check --read-data --no-lock")


def test_a_lock_that_a_killed_run_has_left_is_removed(host, tools):
    tools.on("forget", code=1, err="unable to create lock: repository is already locked", times=1)
    for _run in range(3):
        _backup_run.run(host, "uploads")
    assert tools.called("unlock")


def test_another_password_is_no_reason_to_make_a_new_repository(host, tools):
    tools.on("restic", err="Fatal: wrong password or no key found", code=1)
    with pytest.raises(Failed, match="encrypted with another password"):
        Restic(host, place(host)).prepare()
    assert not tools.called("init")


def test_a_repository_is_made_once(host, tools):
    assert Restic(host, place(host)).prepare() is True
    assert Restic(host, place(host)).prepare() is False


LOCK = "ERROR: [050]: unable to acquire lock on file '/tmp/pgbackrest/main-archive.lock'"


def test_a_place_is_made_once_the_archiver_lets_go_of_the_lock(host, tools, monkeypatch):
    monkeypatch.setattr(_backup_pgbackrest.time, "sleep", lambda _seconds: None)
    tools.on("stanza-create", code=50, err=LOCK, times=2)
    assert PgBackRest(host).prepare("main", "near") is True
    assert len(tools.called("stanza-create")) == 3


def test_a_lock_that_is_held_for_long_is_told(host, tools, monkeypatch):
    monkeypatch.setattr(_backup_pgbackrest, "PATIENCE", 0.0)
    tools.on("stanza-create", code=50, err=LOCK)
    with pytest.raises(Failed, match="another run is at work on it"):
        PgBackRest(host).prepare("main", "near")


def test_a_place_for_a_cluster_is_made_once_and_changed_when_it_has_become_another(host, tools):
    tool = PgBackRest(host)
    assert tool.prepare("main", "near") is True
    assert tool.prepare("main", "near") is False
    assert tool.prepare("main", "near", upgrade=True) is True
    assert tools.called("stanza-upgrade")


def test_a_repository_that_can_not_be_read_is_no_empty_one(host, tools):
    info = [
        {
            "name": "main",
            "repo": [{"key": 1, "status": {"code": 99, "message": "other"}}],
            "backup": [],
            "db": [],
        }
    ]
    tools.on("info", out=json.dumps(info))
    with pytest.raises(Failed, match="main in near"):
        PgBackRest(host).prepare("main", "near")


def test_unreadable_lines_of_both_kinds():
    assert (
        unreadable('{"item":"/x","error":"denied"}\nplain\n[1]')
        == "some files could not be read: /x denied\nplain\n[1]"
    )


# The archive.


@pytest.fixture
def cluster(host, tmp_path):
    status = tmp_path / "pg/pg_wal/archive_status"
    status.mkdir(parents=True)
    host.config["clusters"][0] |= {"path": str(tmp_path / "pg"), "version": "0", "cluster": "none"}
    return host.config["clusters"][0]


def test_an_archive_that_is_well(host, tools, cluster, tmp_path):
    tools.on("psql", out="1795573900.5|00000001|0\n")
    assert _backup_watch.watch(host, cluster, time.time(), str(tmp_path)) == []
    assert 'farol_archive_ok{source="main"} 1' in metrics(host, "main")


def test_an_archive_that_is_behind_says_why(host, tools, cluster, tmp_path):
    (tmp_path / "pg/pg_wal/archive_status/00000001.ready").touch()
    (tmp_path / "main-archive-push-async.log").write_text("P00  ERROR: [082]: unable to push WAL\n")
    tools.on("psql", out="0||0\n")
    (fault,) = _backup_watch.watch(host, cluster, time.time() + 100, str(tmp_path))
    assert "1 WAL segments wait to be archived, the oldest for 100 s" in fault
    assert "unable to push WAL" in fault
    assert 'farol_archive_waiting_files{source="main"} 1' in metrics(host, "main")


def test_a_push_that_lasts_ends_once_the_queue_is_full(host, tools, cluster, tmp_path):
    """The next one drops what is too much."""
    wal = tmp_path / "pg/pg_wal"
    (wal / "archive_status/00000001.ready").touch()
    (wal / "00000001").write_bytes(bytes(2048))
    (wal / "archive_status/00000002.ready").touch()  # gone by now
    tools.on("psql", out="0||0\n")
    host.config["archive_queue_max"] = "2KiB"
    _backup_watch.watch(host, cluster, time.time(), str(tmp_path))
    assert not tools.called("pkill")
    host.config["archive_queue_max"] = "1k"
    _backup_watch.watch(host, cluster, time.time(), str(tmp_path))
    (call,) = tools.called("pkill")
    pattern = call.removeprefix("pkill --full -- ")
    assert re.search(pattern, "pgbackrest --a=b --stanza=main archive-push:async /pg/pg_wal")
    assert not re.search(pattern, "pgbackrest --stanza=main2 archive-push:async /pg/pg_wal")


@pytest.mark.parametrize(
    ("text", "size"), [("4GiB", 4 * 1024**3), ("64m", 64 * 1024**2), ("1KB", 1024), ("12", 12)]
)
def test_sizes_as_pgbackrest_reads_them(text, size):
    assert _backup_watch.bytes_of(text) == size


def test_what_is_no_size():
    with pytest.raises(Failed, match="archive_queue_max: much is no size"):
        _backup_watch.bytes_of("much")


def test_dropped_wal_is_told_until_the_next_backup(host, tools, cluster, tmp_path):
    log = tmp_path / "main-archive-push-async.log"
    log.write_text(
        "WARN: dropped WAL file '000000010000000000000002' because archive queue exceeded 64MB\n"
    )
    tools.on("psql", out="0||0\n")
    for _time in range(2):
        (fault,) = _backup_watch.watch(host, cluster, time.time(), str(tmp_path))
        assert "1 WAL segments were dropped" in fault
    log.write_text("")  # rotated
    assert _backup_watch.dropped(host, cluster, str(tmp_path)) == 1
    _backup_run.run(host, "main")
    assert _backup_watch.watch(host, cluster, time.time(), str(tmp_path)) == []


def test_a_server_that_is_down_is_told(host, tools, cluster):
    tools.on("psql", code=2, err="psql: error: connection to server on socket failed: No such file")
    with pytest.raises(Failed, match="the database does not answer"):
        _backup_watch.watch_all(host)


def test_little_room_where_wal_waits(host, tools, cluster, tmp_path):
    (tmp_path / "pg/pg_wal/archive_status/00000001.ready").touch()
    host.config["min_free_mb"] = 10**9
    tools.on("psql", out="0||0\n")
    faults = _backup_watch.watch(host, cluster, time.time(), str(tmp_path))
    assert "free some space" in faults[-1]
