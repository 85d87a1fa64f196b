"""Drills and restores of a host whose tools are in memory, with folders and processes that are real."""

from __future__ import annotations

import copy
import getpass
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils import (
    _backup_drill,
    _backup_host,
    _backup_info,
    _backup_main,
    _backup_pgbackrest,
    _backup_restore,
    _backup_run,
    _backup_scratch,
)
from ansible_collections.farol.vps.plugins.module_utils._backup_drill import Wanted, parse_moment
from ansible_collections.farol.vps.plugins.module_utils._backup_host import Failed, Host
from backup_tools import CONFIG, Tools

ME = getpass.getuser()
DUMP_ROWS = {"public.orders": 3}
CONTROL = "Database system identifier:           {}\n"


@pytest.fixture
def tools():
    return Tools()


@pytest.fixture
def config(tmp_path):
    config = copy.deepcopy(CONFIG)
    config |= {"work_dir": str(tmp_path / "work"), "scratch_dir": str(tmp_path / "scratch")}
    uploads = tmp_path / "srv/uploads"
    uploads.mkdir(parents=True)
    (uploads / "picture").write_text("as it was")
    config["sources"][0]["paths"] = [str(uploads)]
    live = tmp_path / "pg/main"
    live.mkdir(parents=True)
    (live / "PG_VERSION").write_text("16\n")
    (live / "marker").write_text("live")
    config["clusters"][0]["path"] = str(live)
    return config


@pytest.fixture
def host(tmp_path, tools, config, monkeypatch):
    real = Host.run

    def run(self, argv, **kwargs):
        return real(self, argv, **kwargs) if argv[0] == "cp" else tools.run(argv, **kwargs)

    monkeypatch.setattr(Host, "run", run)
    monkeypatch.setattr(_backup_pgbackrest, "OWNER", ME)
    monkeypatch.setattr(_backup_drill, "OWNER", ME)
    monkeypatch.setattr(_backup_scratch, "OWNER", ME)
    monkeypatch.setattr(_backup_restore, "OWNER", ME)
    monkeypatch.setattr(_backup_restore, "ARCHIVE_PATIENCE", 0.1)
    monkeypatch.setattr(_backup_host, "_as_user", lambda user: {})
    return Host(config, str(tmp_path / "state"), str(tmp_path / "metrics"), str(tmp_path / "locks"))


# Files.


@pytest.fixture
def uploads(host, tools):
    """A snapshot of the uploads, which restic restores into any folder."""
    _backup_run.run(host, "uploads")
    path = Path(host.config["sources"][0]["paths"][0])
    files = {str(path / "picture"): "as it was", str(path / "deep/other"): "another"}

    def restore(argv, _text, _stdout):
        for name, content in files.items():
            there = Path(argv[argv.index("--target") + 1] + name)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(content)

    nodes = [{"struct_type": "snapshot"}] + [
        {"type": "file", "path": name, "size": len(content)} for name, content in files.items()
    ]
    tools.on("restic", " restore ", do=restore)
    tools.on("restic", " ls ", out="\n".join(map(json.dumps, nodes)))
    return path


def test_files_take_the_place_of_what_is_live_which_is_kept(host, uploads):
    (uploads / "picture").write_text("spoilt")
    done = _backup_restore.restore(host, "uploads", "uploads", Wanted())
    assert (uploads / "picture").read_text() == "as it was" and (uploads / "deep/other").exists()
    assert Path(done["replaced"], "picture").read_text() == "spoilt"
    assert done["repository"] == "near" and done["data_from"].endswith("Z") and done["seconds"] >= 0
    assert "2 files with 16 B read back and compared" in done["checks"]
    assert not list(uploads.parent.glob(".farol-restore*"))


def test_what_was_replaced_is_removed_where_that_is_wanted(host, uploads):
    done = _backup_restore.restore(host, "uploads", "uploads", Wanted(), discard=True)
    assert done["replaced"] == "" and [p.name for p in uploads.parent.iterdir()] == ["uploads"]


def test_containers_with_the_volume_are_stopped_for_the_change(host, tools, uploads):
    host.config["sources"][0]["volumes"] = ["data"]
    tools.on("docker ps", "volume=data", out="abc\n")
    _backup_restore.restore(host, "uploads", "uploads", Wanted())
    assert tools.called("docker stop abc") and tools.called("docker start abc")


@pytest.mark.parametrize("confirm", ["", "upload", "main"])
def test_it_has_to_be_confirmed_by_its_name(host, uploads, confirm):
    with pytest.raises(
        Failed, match="uploads on db1 would be replaced; confirm it by its name: confirm=uploads"
    ):
        _backup_restore.restore(host, "uploads", confirm, Wanted())
    assert (uploads / "picture").exists()


def test_a_snapshot_that_lacks_a_file_never_goes_live(host, tools, uploads):
    tools.on("restic", " ls ", out=json.dumps({"type": "file", "path": "/gone", "size": 1}))
    with pytest.raises(Failed, match="/gone is in the snapshot and was not restored"):
        _backup_restore.restore(host, "uploads", "uploads", Wanted())
    assert not list(uploads.parent.glob("uploads.*"))


def test_a_file_of_another_size_never_goes_live(host, tools, uploads):
    tools.on(
        "restic",
        " ls ",
        out=json.dumps({"type": "file", "path": str(uploads / "picture"), "size": 1}),
    )
    with pytest.raises(Failed, match="has 9 bytes in place of 1"):
        _backup_restore.restore(host, "uploads", "uploads", Wanted())


def test_a_hook_that_fails_in_a_restore_ends_with_what_was_there(host, tools, uploads):
    host.config["sources"][0] |= {"before": "stop it", "after": "start it"}
    tools.on("start it", code=1, err="it does not start", times=1)
    (uploads / "picture").write_text("spoilt")
    with pytest.raises(Failed, match="it does not start. What was there before is there again"):
        _backup_restore.restore(host, "uploads", "uploads", Wanted())
    assert (uploads / "picture").read_text() == "spoilt"
    assert not os.path.exists(f"{host.folder}/restore-uploads.json")


def test_a_snapshot_of_other_paths(host, tools, uploads):
    host.config["sources"][0]["paths"] = [str(uploads.parent / "elsewhere")]
    with pytest.raises(Failed, match="holds none of"):
        _backup_restore.restore(host, "uploads", "uploads", Wanted())


def test_a_link_can_not_be_exchanged(host, uploads):
    link = uploads.parent / "link"
    link.symlink_to(uploads)
    host.config["sources"][0]["paths"] = [str(link)]
    with pytest.raises(Failed, match="is a link or a mount"):
        _backup_restore.restore(host, "uploads", "uploads", Wanted())


def test_a_killed_restore_is_undone_by_the_next(host, uploads):
    old = f"{uploads}.farol-before-x"
    os.rename(uploads, old)
    moves = {"paths": [[str(uploads), "/nowhere", old]], "containers": ["abc"]}
    _backup_host.write(f"{host.folder}/restore-uploads.json", json.dumps(moves), 0o600)
    assert _backup_restore.undo(host, "uploads") is True
    assert (uploads / "picture").read_text() == "as it was" and not os.path.exists(old)
    assert _backup_restore.undo(host, "uploads") is False


def test_an_unknown_source_or_repository(host, uploads):
    with pytest.raises(Failed, match="there is no source x"):
        _backup_restore.restore(host, "x", "x", Wanted())
    with pytest.raises(Failed, match="there is no source x"):
        _backup_drill.drill(host, "x")
    with pytest.raises(Failed, match="there is no repository tape; there are near, far"):
        _backup_restore.restore(host, "uploads", "uploads", Wanted(repository="tape"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(backup="ffff"), "there is no backup ffff; the newest are"),
        (Wanted(until="2020-01-01T00:00:00Z"), "lies before the end of the oldest backup"),
        (Wanted(of_host="db9"), "uploads of db9 in near"),
    ],
    ids=["name", "moment", "host"],
)
def test_what_there_is_not(host, tools, uploads, wanted, said):
    tools.snapshots["/tmp/db9/restic"] = []
    with pytest.raises(Failed, match=said):
        _backup_restore.restore(host, "uploads", "uploads", wanted)


def test_the_other_repository_is_asked_where_the_first_has_nothing(host, tools, uploads):
    tools.on("restic", "snapshots", code=1, err="Fatal: unable to open repository: EOF", times=1)
    assert _backup_restore.restore(host, "uploads", "uploads", Wanted())["repository"] == "far"


def test_a_drill_of_files(host, tools, uploads):
    report = _backup_drill.drill(host, "uploads")
    assert [result["ok"] for result in report["results"]] == [True, True]
    assert not os.path.exists(f"{host.config['scratch_dir']}/uploads")
    assert json.loads(Path(host.folder, "drills/uploads.json").read_text())["source"] == "uploads"
    assert (
        'farol_drill_success{source="uploads",repository="far"} 1'
        in Path(host.metrics, "farol_backup_uploads.prom").read_text()
    )


def test_a_drill_that_reads_everything(host, tools, uploads):
    host.config["drill_read"] = "all"
    report = _backup_drill.drill(host, "uploads")
    assert "all backups read back" in report["results"][0]["checks"]
    assert tools.called("check --read-data")


def test_a_drill_that_finds_damage(host, tools, uploads):
    tools.on("restic", " restore ", code=1, err="ciphertext verification failed")
    report = _backup_drill.drill(host, "uploads")
    assert (
        not report["results"][0]["ok"] and "the backup is damaged" in report["results"][0]["error"]
    )
    assert _backup_run.held(host, "uploads", "near")


# Moments.


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T04:00:00Z",
        "2026-11-25 04:00:00 UTC",
        "2026-11-25T05:00:00+01:00",
        "2026-11-25 05:00:00+01",
    ],
)
def test_a_moment_with_its_zone(text):
    assert parse_moment(text) == 1795579200


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-11-25T04:00:00", "2026-13-01T00:00:00Z", "+1", "x+1y"]
)
def test_a_moment_that_has_to_be_guessed(text):
    with pytest.raises(Failed, match="is no moment with a time zone"):
        parse_moment(text)


def test_a_moment_for_pgbackrest():
    assert _backup_pgbackrest.target(1795579200.25) == "2026-11-25 04:00:00.250000+00"


# Clusters.


class FakeServer:
    """Stands in for a scratch server: its answers are those of what was restored."""

    answers: dict = {}
    started: list = []

    def __init__(self, host, folder, programs, data=""):
        self.host, self.data = host, data
        type(self).started.append((programs, data))

    def start(self, safe=False, seconds=0):
        self.safe = safe

    def sql(self, query, database="postgres"):
        return next((answer for part, answer in type(self).answers.items() if part in query), "0")

    def run(self, program, *arguments, **kwargs):
        return type(self).answers.get(program, (0, "", ""))

    def stop(self):
        pass


def target(tools, argv) -> Path:
    """The folder that a command restores to; one without it would restore to the folder that the tests run in."""
    found = Path(tools.option(argv, "pg1-path"))
    assert found.is_absolute(), argv
    return found


@pytest.fixture
def cluster(host, tools, tmp_path, monkeypatch):
    """A cluster with a backup, which pgbackrest restores into any folder."""
    for version in ("16", "17"):
        programs = tmp_path / f"bin/{version}/bin"
        programs.mkdir(parents=True)
        (programs / "postgres").touch()
    monkeypatch.setattr(_backup_scratch, "BINARIES", str(tmp_path / "bin"))
    monkeypatch.setattr(_backup_scratch, "Server", FakeServer)
    monkeypatch.setattr(_backup_restore, "_configured", lambda cluster: True)
    FakeServer.answers = {"datname": "postgres\nlive", "pg_stat_user_tables": "2", "orders": "5"}
    FakeServer.started = []
    _backup_run.run(host, "main")

    def restore(argv, _text, _stdout):
        data = target(tools, argv)
        (data / "pg_wal/archive_status").mkdir(parents=True)
        (data / "PG_VERSION").write_text("16\n")
        (data / "marker").write_text("restored")
        (data / "pg_wal/00000002.history").touch()
        (data / "postgresql.auto.conf").write_text(
            "work_mem = '8MB'\n# Recovery settings generated by pgBackRest restore on 2026\n"
            "restore_command = 'x'\nrecovery_target_time = 'y'\narchive_mode = 'off'\n"
        )

    tools.on("pgbackrest", " restore", do=restore)
    tools.on("pg_controldata", out=CONTROL.format(7))
    return Path(host.config["clusters"][0]["path"])


def test_a_cluster_goes_live_after_its_checks(host, tools, cluster):
    done = _backup_restore.restore(host, "main", "main", Wanted())
    assert (cluster / "marker").read_text() == "restored"
    assert Path(done["replaced"], "marker").read_text() == "live"
    assert (cluster / "postgresql.auto.conf").read_text() == "work_mem = '8MB'\n"
    assert (cluster / "pg_wal/archive_status/00000002.history.ready").exists()
    order = [line for line in tools.calls if "systemctl" in line or " restore" in line]
    assert [line.split()[0] for line in order] == [
        "pgbackrest",
        "systemctl",
        "systemctl",
        "systemctl",
    ]
    assert "--archive-mode=off" in order[0] and "--set=" in order[0]
    assert done["checks"] == ["2 databases with 4 tables answer"]
    assert not tools.called("stanza-upgrade")
    assert not os.path.exists(f"{cluster}.farol-restore")


def test_a_moment_and_a_name(host, tools, cluster):
    name = tools.stanzas["main", 1][0]["label"]
    _backup_restore.restore(
        host, "main", "main", Wanted(until="2099-01-01T00:00:00Z", timeline="2")
    )
    (call,) = tools.called(" restore")
    assert (
        "--type=time --target=2099-01-01 00:00:00.000000+00 --target-action=promote --target-timeline=2"
        in call
    )
    _backup_restore.restore(host, "main", "main", Wanted(backup=name))
    assert (
        f"--set={name}" in tools.called(" restore")[-1]
        and "--type=immediate" in tools.called(" restore")[-1]
    )


def test_data_of_another_cluster_gets_backups_of_its_own(host, tools, cluster):
    answers = iter([7, 8])
    tools.on("pg_controldata", do=lambda *_: (0, CONTROL.format(next(answers)), ""))
    tools.stanzas["main", 1][0]["version"] = "16"
    done = _backup_restore.restore(host, "main", "main", Wanted(of_host="db0"))
    assert tools.called("stanza-upgrade") and tools.called(
        "systemctl start --no-block farol-backup@main"
    )
    assert done["of_host"] == "db0" and done["remark"] == "a new backup of it has been started"


def test_backups_that_can_not_be_set_up_again_are_told(host, tools, cluster):
    answers = iter([7, 8])
    tools.on("pg_controldata", do=lambda *_: (0, CONTROL.format(next(answers)), ""))
    tools.on("stanza-upgrade", code=1, err="ERROR: x")
    assert (
        "have to be set up again"
        in _backup_restore.restore(host, "main", "main", Wanted())["remark"]
    )


def test_a_server_that_does_not_come_up_gives_way(host, tools, cluster):
    tools.on("systemctl start postgresql@16-main", code=1, err="Job failed", times=1)
    with pytest.raises(Failed, match="What was live before is live again"):
        _backup_restore.restore(host, "main", "main", Wanted())
    assert (cluster / "marker").read_text() == "live"
    assert [path.name for path in cluster.parent.iterdir()] == ["main"]


@pytest.mark.parametrize("answer", ["f", "0", "", "x"])
def test_a_query_that_is_not_answered_as_expected(host, cluster, answer):
    host.config["clusters"][0]["checks"] = [{"query": "select orders"}]
    FakeServer.answers["orders"] = answer
    with pytest.raises(Failed, match="and true was expected"):
        _backup_restore.restore(host, "main", "main", Wanted())
    assert (cluster / "marker").read_text() == "live"


@pytest.mark.parametrize("answer", ["t", "true", "12"])
def test_a_query_that_is_answered_as_expected(host, cluster, answer):
    host.config["clusters"][0]["checks"] = [{"query": "select orders"}]
    FakeServer.answers["orders"] = answer
    assert (
        "1 queries answer as expected"
        in _backup_restore.restore(host, "main", "main", Wanted())["checks"]
    )


def test_a_version_that_is_not_there_is_told_before_anything_is_fetched(host, tools, cluster):
    tools.stanzas["main", 1][0]["version"] = "15"
    tools.stanzas["main", 2].clear()
    with pytest.raises(
        Failed, match="is of PostgreSQL 15, which is not on this host; install postgresql-15"
    ):
        _backup_restore.restore(host, "main", "main", Wanted())
    tools.stanzas["main", 1][0]["version"] = "17"
    with pytest.raises(
        Failed, match="the cluster here is of 16; set version in backup_clusters to 17"
    ):
        _backup_restore.restore(host, "main", "main", Wanted())
    assert not tools.called(" restore")


def test_tablespaces_are_not_exchanged(host, tools, cluster):
    def restore(argv, _text, _stdout):
        data = target(tools, argv)
        (data / "pg_wal/archive_status").mkdir(parents=True)
        (data / "postgresql.auto.conf").touch()
        (data.parent / "tablespaces/16400").mkdir()

    tools.on("pgbackrest", " restore", do=restore)
    with pytest.raises(Failed, match="it has tablespaces"):
        _backup_restore.restore(host, "main", "main", Wanted())


def test_a_cluster_that_is_no_cluster_here(host, cluster, monkeypatch):
    monkeypatch.setattr(_backup_restore, "_configured", lambda cluster: False)
    with pytest.raises(Failed, match="make one with pg_createcluster 16 main"):
        _backup_restore.restore(host, "main", "main", Wanted())
    os.rename(cluster, f"{cluster}.real")
    os.symlink(f"{cluster}.real", cluster)
    with pytest.raises(Failed, match="which can't be exchanged"):
        _backup_restore.restore(host, "main", "main", Wanted())


def test_nothing_to_restore(host, tools, cluster):
    for backups in tools.stanzas.values():
        backups.clear()
    with pytest.raises(Failed, match="there is no backup; run 'farol-backup info'"):
        _backup_restore.restore(host, "main", "main", Wanted())
    tools.add("main", 1, "full", error=True)
    with pytest.raises(Failed, match="there is no complete backup; there are"):
        _backup_restore.restore(host, "main", "main", Wanted(repository="near"))
    with pytest.raises(Failed, match="there is no repository tape"):
        _backup_restore.restore(host, "main", "main", Wanted(repository="tape"))


def test_a_drill_of_a_cluster_with_pg_amcheck(host, tools, cluster):
    host.config["drill_amcheck"] = True
    report = _backup_drill.drill(host, "main")
    assert "pg_amcheck finds no damage" in report["results"][0]["checks"]
    FakeServer.answers["pg_amcheck"] = (2, "heap table is damaged", "")
    report = _backup_drill.drill(host, "main")
    assert "pg_amcheck finds damage" in report["results"][0]["error"]
    assert (cluster / "marker").read_text() == "live"
    # Its pgbackrest has a configuration of its own, with no live cluster in it.
    assert all("--config=/etc" not in line for line in tools.called(" restore"))


def test_the_moment_of_the_data_is_that_of_its_last_transaction(host, tools, cluster):
    FakeServer.answers["pg_last_xact"] = "1995579200.5"
    assert (
        _backup_restore.restore(host, "main", "main", Wanted())["data_from"]
        == "2033-03-27T23:33:20Z"
    )


# Dumps.


@pytest.fixture
def shop(host, tools, tmp_path, monkeypatch):
    """A snapshot with a dump of three rows."""
    tools.snapshots["/tmp/db1/restic"] = []
    tools.store(tools.snapshots["/tmp/db1/restic"], ["--tag", "source=shop", "--tag", "bytes=5"])
    folder = "/work/shop"
    manifest = {
        "database": "shop",
        "server": 160004,
        "time": 1795579200,
        "tables": DUMP_ROWS,
        "sha256": "fcc0ac2fad9c5e7b7d7a0a5ee1e4b7e3a5a6d3fd5d4dd2c0f8f4e1b0d8f2f5aa",
    }
    import hashlib

    manifest["sha256"] = hashlib.sha256(b"PGDMP").hexdigest()
    files = {f"{folder}/database.dump": b"PGDMP", f"{folder}/manifest.json": b""}

    def restore(argv, _text, _stdout):
        files[f"{folder}/manifest.json"] = json.dumps(manifest).encode()
        for name, content in files.items():
            there = Path(argv[argv.index("--target") + 1] + name)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)

    def listed(*_):
        files[f"{folder}/manifest.json"] = json.dumps(manifest).encode()
        nodes = [{"type": "file", "path": n, "size": len(c)} for n, c in files.items()]
        return 0, "\n".join(map(json.dumps, nodes)), ""

    tools.on("restic", " restore ", do=restore)
    tools.on("restic", " ls ", do=listed)
    rows = {"count": "3"}
    asked = []

    def psql(argv, text, _stdout):
        asked.append(text)
        if text and "union" in text or "as counts" in (text or ""):
            return 0, f"public.orders\t{rows['count']}\n", ""
        return 0, "1", ""

    tools.on("psql", do=psql)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return type("Shop", (), {"manifest": manifest, "rows": rows, "asked": asked, "files": files})


def test_a_dump_is_loaded_beside_the_database_and_both_change_names_at_once(host, tools, shop):
    done = _backup_restore.restore(host, "shop", "shop", Wanted(repository="near"))
    swap = next(text for text in shop.asked if text and "rename" in text)
    assert "begin;" in swap and swap.count("rename to") == 2 and "pg_terminate_backend" in swap
    assert done["replaced"].startswith("shop_before_")
    assert "1 tables with 3 rows as the manifest says" in done["checks"]
    assert done["data_from"] == "2026-11-25T04:00:00Z"
    assert not tools.called("--no-owner"), "the roles are this host's own"


def test_another_hosts_dump_leaves_its_roles_there(host, tools, shop):
    tools.snapshots["/tmp/db0/restic"] = tools.snapshots["/tmp/db1/restic"]
    _backup_restore.restore(host, "shop", "shop", Wanted(of_host="db0"), discard=True)
    assert tools.called("pg_restore", "--no-owner")
    assert any(text and text.startswith('drop database "shop_before_') for text in shop.asked)


def test_rows_that_differ_from_the_manifest_never_go_live(host, shop):
    shop.rows["count"] = "2"
    with pytest.raises(Failed, match="public.orders has 2 rows in place of 3"):
        _backup_restore.restore(host, "shop", "shop", Wanted(repository="near"))
    assert not any(text and "rename" in text for text in shop.asked)


def test_a_dump_that_was_changed(host, shop):
    shop.manifest["sha256"] = "0" * 64
    with pytest.raises(Failed, match="its checksum is not the manifest's"):
        _backup_restore.restore(host, "shop", "shop", Wanted(repository="near"))


def test_a_dump_that_does_not_load(host, tools, shop):
    tools.on("pg_restore", code=1, err='pg_restore: error: extension "vector" is not available')
    with pytest.raises(Failed, match="nothing was replaced.*vector"):
        _backup_restore.restore(host, "shop", "shop", Wanted(repository="near"))
    assert shop.asked[-1].startswith("drop database if exists")


def test_a_snapshot_without_its_manifest(host, shop):
    del shop.files["/work/shop/database.dump"]
    with pytest.raises(Failed, match="holds no dump with its manifest"):
        _backup_restore.restore(host, "shop", "shop", Wanted(repository="near"))


def test_a_dump_is_tried_in_a_container_of_its_own_image(host, tools, shop):
    host.config["sources"][1] = {
        "name": "shop",
        "type": "postgresql",
        "container": "db",
        "user": "u",
        "database": "shop",
    }
    tools.on("docker inspect", out="postgres:16\n")
    tools.on(
        "docker exec",
        "psql",
        do=lambda argv, text, out: (0, "public.orders\t3" if "counts" in text else "0", ""),
    )
    report = _backup_drill.drill(host, "shop")
    assert report["results"][0]["ok"], report
    (start,) = tools.called("docker run --detach --name farol-drill-shop --network none")
    assert start.endswith("postgres:16")
    assert tools.called("docker rm --force --volumes farol-drill-shop")


def test_a_container_that_does_not_start(host, tools, shop, monkeypatch):
    host.config["sources"][1] |= {"client_image": "postgres:18"}
    tools.on("pg_isready", code=1)
    tools.on("docker logs", out="no space left on device")
    clock = iter(range(0, 10**6, 50))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    report = _backup_drill.drill(host, "shop")
    assert "the scratch container is not ready" in report["results"][0]["error"]


def test_without_a_server_to_try_it_with(host, tools, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(_backup_scratch, "BINARIES", str(tmp_path / "none"))
    report = _backup_drill.drill(host, "shop")
    assert (
        "there is no PostgreSQL 16 or newer on this host to try the dump with"
        in report["results"][0]["error"]
    )


def test_a_dump_of_redis_is_handed_over(host, tools, shop):
    tools.snapshots["/tmp/db1/restic"][0]["tags"][0] = "source=queue"
    whole = b"REDIS0011xyz\xff12345678"
    shop.files.clear()
    shop.files["/work/queue/dump.rdb"] = whole
    shop.files["/work/shop/manifest.json"] = b""
    import hashlib

    shop.manifest["sha256"] = hashlib.sha256(whole).hexdigest()
    done = _backup_restore.restore(host, "queue", "queue", Wanted(repository="near"))
    assert Path(host.folder, "restored/queue/dump.rdb").read_bytes() == whole
    assert "stop Redis" in done["remark"]


# The scratch server itself, with programs that are scripts.


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "bin/16/bin"
    folder.mkdir(parents=True)

    def script(name, body):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)

    script("initdb", "mkdir -p $(echo $* | sed 's/.*--pgdata=//')")
    script("postgres", 'echo "FATAL: nothing"; trap "exit 0" INT; while :; do sleep 0.05; done')
    script("psql", "echo f")
    script("pg_restore", "cat >/dev/null")
    monkeypatch.setattr(_backup_scratch, "BINARIES", str(tmp_path / "bin"))
    monkeypatch.setattr(_backup_scratch, "OWNER", ME)
    monkeypatch.setattr(_backup_scratch, "_as_user", lambda user: {})
    monkeypatch.setattr(_backup_host, "_as_user", lambda user: {})
    return script


@pytest.fixture
def server(programs, config, tmp_path):
    folder = tmp_path / "scratch/main"
    folder.mkdir(parents=True)
    made = _backup_scratch.Server(
        Host(config, str(tmp_path)), str(folder), _backup_scratch.binaries(15)
    )
    made.init()
    yield made
    made.stop()


def test_the_scratch_server_is_alone(server):
    server.start()
    line = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().decode().split("\0")
    for setting in ("archive_mode=off", "archive_command=/bin/false", "listen_addresses="):
        assert setting in line
    assert (
        f"unix_socket_directories={server.socket}" in line
        and f"hba_file={server.folder}/pg_hba.conf" in line
    )
    assert server.sql("select 1") == "f"
    Path(server.folder, "dump").write_text("x")
    server.load(f"{server.folder}/dump", "shop")
    server.stop()
    assert server.process.poll() is not None


def test_a_scratch_server_that_ends(server, programs):
    programs(
        "postgres", 'echo "FATAL:  recovery ended before configured recovery target was reached"'
    )
    programs("psql", "exit 2")
    with pytest.raises(Failed, match="the moment lies after the last WAL"):
        server.start()


def test_a_scratch_server_that_never_recovers(server, programs):
    programs("psql", "echo t")
    with pytest.raises(Failed, match="has not recovered within 0.2 s"):
        server.start(seconds=0.2)


def test_a_query_or_a_dump_that_fails(server, programs):
    programs("psql", 'grep -q "create database" || { echo "ERROR:  no such table" >&2; exit 3; }')
    with pytest.raises(Failed, match="in the restored postgres: ERROR"):
        server.sql("select 1")
    programs("pg_restore", "echo 'ERROR: x' >&2; exit 1")
    Path(server.folder, "dump").write_text("x")
    with pytest.raises(Failed, match="loading the dump of shop"):
        server.load(f"{server.folder}/dump", "shop")


def test_what_was_killed_in_a_scratch_folder_is_cleaned_up(tmp_path):
    folder = tmp_path / "scratch/main"
    folder.mkdir(parents=True)
    line = f"import time; time.sleep(60)  # postgres -D {folder}/data"
    process = subprocess.Popen([sys.executable, "-c", line])
    try:
        time.sleep(0.2)
        _backup_scratch.clean(str(folder))
        assert process.wait(5) == -9 and not folder.exists()
    finally:
        process.kill()
    _backup_scratch.clean(str(folder))


def test_what_runs_in_the_scratch_folder_of_another_source_goes_on(tmp_path):
    (tmp_path / "scratch/main").mkdir(parents=True)
    line = f"import time; time.sleep(60)  # postgres -D {tmp_path}/scratch/main2/data"
    process = subprocess.Popen([sys.executable, "-c", line])
    try:
        time.sleep(0.2)
        _backup_scratch.clean(f"{tmp_path}/scratch/main")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


# The command, and what systemd runs after it.


@pytest.fixture
def command(host, tmp_path, monkeypatch, capsys):
    path = tmp_path / "backup.json"
    path.write_text(json.dumps(host.config))
    monkeypatch.setattr(_backup_main, "Host", lambda config: host)

    def call(*words, **environment):
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.setattr(sys, "argv", ["farol-backup", "--config", str(path), *words])
        code = 0
        try:
            _backup_main.main()
        except SystemExit as end:
            code = end.code
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return call


def test_the_command_backs_up_and_tells(command, tools, monkeypatch):
    code, said = command("run", "main")
    assert code == 0 and "main to near: full" in said
    code, said = command("info")
    assert code == 0 and "main" in said and "complete" in said
    code, said = command("info", "main", "--json")
    assert json.loads(said)["sources"]["main"]["far"]["count"] == 1
    code, said = command("verify")
    assert code == 1 and "unable to open config file" in said
    code, said = command("verify", "main")
    assert code == 0 and "everything read back is as it was stored" in said
    tools.on("verify", out="status: error")
    assert command("verify", "main")[0] == 1


def test_the_command_says_what_failed(command, tools):
    tools.on("--type=", code=1, err="no space left on device")
    code, said = command("run", "main")
    assert code == 1 and "no space is left" in said
    tools.on(" info", code=1, err="Connection refused")
    code, said = command("info")
    assert code == 1 and "the storage does not answer" in said


def test_the_command_drills_and_restores(command, uploads):
    code, said = command("drill", "uploads")
    assert code == 0 and "restored in" in said and "data from" in said
    code, said = command("restore", "uploads", "--confirm", "uploads")
    assert code == 0 and "is restored from" in said and "What it replaced is" in said
    code, said = command("restore", "uploads", "--confirm", "uploads", "--json")
    assert json.loads(said)["source"] == "uploads"
    code, said = command("restore", "uploads")
    assert code == 1 and "confirm=uploads" in said


def test_a_drill_that_fails_is_an_error(command, tools, uploads):
    tools.on("restic", " restore ", code=1, err="ciphertext verification failed")
    code, said = command("drill", "uploads")
    assert code == 1 and "the backup is damaged" in said


def test_prepare_starts_what_was_never_backed_up(command, tools):
    code, said = command("prepare")
    assert (
        code == 0
        and "main has its place in near" in said
        and "restic has its repository in far" in said
    )
    assert tools.called("systemctl start --no-block farol-backup@shop")


def test_probe_refuses_a_cluster_that_is_not_there(command, host, tools):
    tools.on("pg_lsclusters", out="17 main 5432 online\n")
    code, said = command("probe")
    assert code == 1 and "there is no cluster 16 main on this host (there is 17 main)" in said
    host.config["clusters"].clear()
    assert command("probe")[0] == 0


def test_watch(command, tools):
    tools.on("psql", out="0||0\n")
    assert command("watch")[0] == 0


@pytest.mark.parametrize("what", ["run", "drill"])
def test_a_run_that_was_killed_is_told_by_the_next_process(command, host, what):
    part = {"run": "backup", "drill": "drill"}[what]
    host.note("main", "running", "", **{part: time.time()})
    code, _said = command(
        "ended", what, "main", SERVICE_RESULT="signal", EXIT_CODE="killed", EXIT_STATUS="KILL"
    )
    assert code == 0
    record = host.state("main")[part]["near"]
    assert record["ok"] is False and "it was killed or gave up (killed KILL)" in record["error"]
    # What ended by itself has told already.
    assert command("ended", what, "main", SERVICE_RESULT="success")[0] == 0


def test_a_unit_that_was_refused_leaves_the_drill_that_is_at_work_its_place(command, host):
    place = Path(_backup_drill.scratch_folder(host, "main"))
    place.mkdir(parents=True)
    with host.lock("drill-main"):
        command("ended", "drill", "main", SERVICE_RESULT="exit-code")
        assert place.exists()
    command("ended", "drill", "main", SERVICE_RESULT="exit-code")
    assert not place.exists()


def test_without_its_configuration(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["farol-backup", "--config", str(tmp_path / "none"), "watch"])
    with pytest.raises(SystemExit):
        _backup_main.main()
    assert "is not there; run the role backup" in capsys.readouterr().err


# What is in the storage.


def test_what_another_host_has(host, tools, monkeypatch):
    _backup_run.run(host, "main")
    found = _backup_info.collect(host, "main", "db0", time.time())
    assert [b["source"] for b in found["backups"]] == ["main", "main"]
    assert tools.called("pgbackrest --config=/tmp/farol-backup-info-")
    with pytest.raises(Failed, match="there is no source x"):
        _backup_info.collect(host, "x", "", time.time())


def test_what_is_overdue(host, tools):
    _backup_run.run(host, "main")
    now = time.time()
    found = _backup_info.collect(host, "main", "", now)
    assert _backup_info.overdue(found["sources"], 10**6) == []
    (near, far) = _backup_info.overdue(found["sources"], 60)
    assert (
        "main in far: the newest whole backup is" in near and "run 'farol-backup run main'" in near
    )
    host.ended("shop", "backup", "near", now, "the database does not answer")
    lines = _backup_info.overdue(_backup_info.collect(host, "shop", "", now)["sources"], 60)
    assert "there is no whole backup (the database does not answer)" in lines[1]


# The host itself.


def test_commands_locks_and_state(tmp_path, config, monkeypatch):
    monkeypatch.setattr(_backup_host, "_as_user", lambda user: {})
    host = Host(config, str(tmp_path / "s"), str(tmp_path / "m"), str(tmp_path / "l"))
    assert host.run(["sh", "-c", "echo $LC_ALL; echo e >&2; exit 3"]) == (3, "C.UTF-8\n", "e\n")
    assert host.run(["cat"], text="given")[1] == "given"
    assert host.run(["sleep", "5"], limit=0.1)[0] == 124
    assert host.run(["no-such-program"]) == (
        127,
        "",
        "no-such-program is not installed on this host; run the role backup",
    )
    with pytest.raises(Failed, match="a thing: exit code 1"):
        host.check("a thing", ["false"])
    with pytest.raises(Failed, match=r"\*\*\*\*\*\*\*\*"):
        host.check("a thing", ["sh", "-c", "echo the key is a-long-password >&2; exit 1"])
    with (
        host.lock("x"),
        pytest.raises(Failed, match="another run is at work"),
        host.lock("x", wait=False),
    ):
        pass
    assert host.state("x") == {}
    Path(tmp_path / "s/state").mkdir(parents=True)
    Path(tmp_path / "s/state/x.json").write_text("[]")
    assert host.state("x") == {}
    host.ended("x", "backup", "near", time.time() - 2, size=5)
    assert host.state("x")["backup"]["near"]["seconds"] >= 2
    assert _backup_host.existing(str(tmp_path / "a/b/c")) == str(tmp_path)
