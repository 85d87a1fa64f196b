"""What was lost comes back: to a moment, by name, the newest; and what it replaces stays until it has passed its checks."""

from __future__ import annotations

import json
import re
import time

import pytest

ONLY = "noble"
CLUSTER = "/var/lib/postgresql/16/main"


@pytest.fixture(scope="module", autouse=True)
def backed_up(place):
    place.backed_up("main", "uploads", "api-postgres")


def restored(place, source: str, **variables) -> str:
    done = place.playbook("restore", source=source, confirm=source, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    # Visitors come last; here are none.
    assert done.stdout.index("PLAY [Look from outside]") > done.stdout.index("PLAY [Restore]")
    return " ".join(done.stdout.split())


def refused(place, **variables) -> str:
    done = place.playbook("restore", **variables)
    assert done.returncode != 0, done.stdout
    return " ".join((done.stdout + done.stderr).split())


def moment(place) -> str:
    return place.sql(
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'"
    )


def test_check_mode_restores_nothing_and_fails_for_nothing(place):
    place.good("echo kept >/srv/uploads/kept")
    given = ("-e", "source=uploads", "-e", "confirm=uploads")
    done = place.lab.playbook("playbooks/restore.yml", "--check", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.good("cat /srv/uploads/kept").strip() == "kept"
    place.good("rm /srv/uploads/kept; ! ls -d /srv/uploads.farol-before-*")


@pytest.fixture
def no_leftovers(place):
    yield
    place.good(f"rm -rf {CLUSTER}.farol-before-* /srv/uploads.farol-before-*")


def test_a_moment_between_two_rows_after_the_table_was_dropped(place, no_leftovers):
    place.sql("insert into rows (note) values ('before')")
    time.sleep(1.1)
    between = moment(place)
    time.sleep(1.1)
    place.sql("insert into rows (note) values ('after')")
    place.sql("drop table rows")
    # At once: what is needed has not been archived yet.
    began = time.monotonic()
    text = restored(place, "main", at=between)
    assert time.monotonic() - began < 300
    assert (
        place.sql(
            "select string_agg(note, ',' order by id) from rows where note in ('before', 'after')"
        )
        == "before"
    )
    told = re.search(r"restored from (\S+) of backup-noble in storage after ([\d.]+) s", text)
    assert told and float(told[2]) < 300
    # The data is from the last transaction before that moment.
    from_when = re.search(r"Its data is from (\S+Z)", text)[1]
    assert from_when[:16] == between[:16] and from_when <= between
    assert "pg_amcheck finds no damage" in text
    # What it replaced is there, whole and stopped.
    kept = place.good(f"ls -d {CLUSTER}.farol-before-*")
    state = place.good(f"/usr/lib/postgresql/16/bin/pg_controldata {kept} | grep state:")
    assert "shut down" in state
    assert place.sql("show archive_mode") == "on"
    assert (
        place.good(
            f"grep -cE 'restore_command|recovery_target|archive_mode' {CLUSTER}/postgresql.auto.conf || true"
        )
        == "0"
    )


def test_it_is_backed_up_again_on_its_new_timeline_and_can_be_restored(place, no_leftovers):
    place.backup("main")
    place.sql("insert into rows (note) values ('on the new timeline')")
    place.archived()
    text = restored(place, "main", discard_replaced="true")
    assert place.sql("select count(*) from rows where note = 'on the new timeline'") == "1"
    assert "What it replaced: nothing is kept" in text
    assert place.run(f"ls -d {CLUSTER}.farol-before-*").returncode != 0
    place.backup("main")


def test_a_backup_by_its_name(place, no_leftovers):
    place.sql("insert into rows (note) values ('after the named backup')")
    name = place.ids("main", "disk")[-1]
    text = restored(place, "main", backup=name, repository="disk")
    assert name in text and "in disk" in text
    assert place.sql("select count(*) from rows where note = 'after the named backup'") == "0"
    place.backup("main")


@pytest.mark.parametrize(
    "variables",
    [
        {"source": "main"},
        {"source": "main", "confirm": "shop"},
        {"confirm": "main"},
    ],
    ids=str,
)
def test_what_is_not_confirmed_is_refused(place, variables):
    inode = place.good(f"stat -c %i {CLUSTER}")
    text = refused(place, **variables)
    assert "nothing was changed" in text and "-e confirm=" in text and "backup-noble" in text
    assert place.good(f"stat -c %i {CLUSTER}") == inode


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"at": "2020-01-01T00:00:00Z"}, "lies before the end of the oldest backup"),
        (
            {"at": "2099-01-01T00:00:00+00:00"},
            "the moment lies after the last WAL in the archive; choose an earlier moment",
        ),
        ({"at": "2026-11-25 04:00:00"}, "is no moment with a time zone"),
        ({"backup": "19990101-000000F"}, "there is no backup 19990101-000000F; the newest are"),
        ({"of_host": "nobody"}, "there is no backup"),
        ({"repository": "tape"}, "there is no repository tape; there are storage, disk"),
    ],
    ids=str,
)
def test_what_can_not_be_restored_leaves_all_as_it_is(place, variables, said):
    inode = place.good(f"stat -c %i {CLUSTER}")
    if "at" in variables:
        text = refused(place, source="main", confirm="main", **variables)
        assert "backup-noble: " in text
    else:
        ((option, value),) = variables.items()
        option = option.replace("_", "-")
        text = place.bad(f"farol-backup restore main --confirm main --{option} '{value}'")
    assert said in text
    assert place.good(f"stat -c %i {CLUSTER}") == inode
    assert place.sql("select 1") == "1"
    assert place.run(f"ls -d {CLUSTER}.farol-*").returncode != 0


def test_data_that_fails_its_checks_never_goes_live(place):
    """The user's own query finds nothing in what was restored."""
    place.sql("create table kept as select * from rows")
    place.sql("truncate rows")
    place.backup("main")
    place.sql("insert into rows select * from kept")
    place.sql("drop table kept")
    inode = place.good(f"stat -c %i {CLUSTER}")
    text = refused(place, source="main", confirm="main", backup=place.ids("main")[-1])
    assert "answers '0', and true was expected" in text
    assert place.good(f"stat -c %i {CLUSTER}") == inode
    assert int(place.sql("select count(*) from rows")) > 0
    assert place.run(f"ls -d {CLUSTER}.farol-*").returncode != 0
    place.backup("main")


def test_a_server_that_does_not_start_with_the_restored_data_gives_way_to_what_was_live(place):
    place.sql("insert into rows (note) values ('live')")
    place.good("mkdir -p /run/systemd/system/postgresql@16-main.service.d")
    place.good(
        "printf '[Service]\\nExecStartPre=/bin/sh -c \"! ls -d /var/lib/postgresql/16/main.farol-before-*\"\\n' "
        ">/run/systemd/system/postgresql@16-main.service.d/test.conf && systemctl daemon-reload"
    )
    try:
        text = refused(place, source="main", confirm="main")
    finally:
        place.good(
            "rm -r /run/systemd/system/postgresql@16-main.service.d && systemctl daemon-reload"
        )
    assert "What was live before is live again" in text
    assert place.sql("select count(*) from rows where note = 'live'") == "1"
    assert place.run(f"ls -d {CLUSTER}.farol-*").returncode != 0


def test_a_restore_that_was_killed_between_its_renames_is_undone_by_the_next(place, no_leftovers):
    paths = [CLUSTER, CLUSTER + ".farol-restore/data", CLUSTER + ".farol-before-x"]
    record = json.dumps({"unit": "postgresql@16-main", "fresh": False, "paths": [paths]})
    place.good(
        f"systemctl stop postgresql@16-main && mv {paths[0]} {paths[2]} && "
        f"echo '{record}' >/var/lib/farol/backup/restore-main.json"
    )
    text = refused(place, source="main", confirm="main", at="2020-01-01T00:00:00Z")
    assert "lies before the end" in text
    place.until("pg_isready -q")
    assert place.sql("select count(*) > 0 from rows") == "t"


def test_files_come_back_with_owners_modes_and_links(place, no_leftovers):
    place.good(
        "chown 1234:1234 /srv/uploads/deep/picture.txt; chmod 0640 /srv/uploads/deep/picture.txt"
    )
    place.backup("uploads")
    shape = "cd /srv/uploads && find . ! -name '*.tmp' -printf '%p %U %m %s %l\\n' | sort"
    before = place.good(shape)
    place.good("rm -r /srv/uploads/deep /srv/uploads/link; echo damaged >/srv/uploads/big.bin")
    text = restored(place, "uploads")
    assert place.good(shape) == before
    assert place.run("test -e /srv/uploads/left-out.tmp").returncode != 0, "that was excluded"
    assert "/srv/uploads.farol-before-" in text
    assert place.good("cat /srv/uploads.farol-before-*/big.bin") == "damaged"


def test_a_database_in_a_container(place):
    place.good("docker exec api-db psql -q -U app -d app -c 'drop table items'")
    text = restored(place, "api-postgres")
    assert (
        place.good("docker exec api-db psql -U app -d app -Atc 'select count(*) from items'")
        == "1000"
    )
    kept = re.search(r"app_before_\w+", text)[0]
    assert place.good(f"docker exec api-db psql -U app -d {kept} -Atc 'select 1'") == "1"


def test_a_container_that_is_stopped(place):
    place.good("docker stop api-db >/dev/null")
    try:
        said = place.fails("farol-backup@api-postgres")
    finally:
        place.good("docker start api-db >/dev/null")
    assert "the database does not answer; start it" in said
    place.until("docker exec api-db pg_isready -q -h 127.0.0.1")


def test_another_host_gets_the_backup_of_a_host_that_is_lost(place):
    """The cluster is made anew, under another host's name: as after a host was lost and rebuilt."""
    place.sql("insert into rows (note) values ('from the lost host')")
    place.archived()
    rows = place.sql("select count(*) from rows")
    place.good("pg_dropcluster --stop 16 main && pg_createcluster 16 main --start >/dev/null")
    done = place.converge(backup_host_name="rebuilt")
    assert done.returncode == 0, done.stdout + done.stderr
    text = restored(place, "main", of_host="backup-noble", discard_replaced="true")
    assert "of backup-noble in storage" in text
    assert place.sql("select count(*) from rows") == rows
    # Its own backups are set up for what it holds now.
    place.backup("main")
    assert place.info("main")["sources"]["main"]["storage"]["last_run_ok"]
    done = place.converge()
    assert done.returncode == 0, done.stdout + done.stderr
    place.backup("main")
