"""What goes wrong fails, says why, leaves a metric that says so, and the last good backup."""

from __future__ import annotations

import json
import random
import time

import pytest

ONLY = "trixie"


@pytest.fixture(scope="module")
def storage(own_storage):
    return own_storage


@pytest.fixture(scope="module", autouse=True)
def backed_up(place, storage):
    for source in ("main", "uploads", "shop", "queue"):
        place.backup(source)


@pytest.fixture
def last_good(place):
    """Whatever the test does, the last good backup of each source is then as new as before or newer, and whole."""
    before = newest(place)
    yield before
    after = newest(place)
    for source, moment in before.items():
        assert after[source] >= moment, f"{source} has lost its last good backup"


def newest(place) -> dict[str, float]:
    sources = place.info()["sources"]
    return {name: about["storage"]["newest"]["time"] for name, about in sources.items()}


def failed(place, source: str, repository: str, *, part: str = "backup") -> bool:
    now = time.time()
    assert place.metric(f"farol_{part}_success", source, repository) == 0
    assert now - place.metric(f"farol_{part}_last_run_timestamp_seconds", source, repository) < 300
    # When it last succeeded is still known.
    assert place.metric(f"farol_{part}_last_success_timestamp_seconds", source, repository) > 1e9
    return True


# The role tries what it is given before it keeps it.


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"secret_key": "not-the-secret-of-it"},
            "the storage refuses the credentials; correct access_key and secret_key",
        ),
        ({"password": "another-long-passphrase"}, "it was encrypted with another password"),
    ],
    ids=["key", "password"],
)
def test_the_role_refuses_what_the_storage_refuses(place, change, said):
    repositories = place.repositories()
    repositories[0] |= change
    sums = "sha256sum /etc/farol/backup.json /etc/pgbackrest/pgbackrest.conf"
    before = place.good(sums)
    done = place.converge(backup_repositories=repositories)
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, "it was taken"
    assert said in text and place.name in text, text[-3000:]
    assert place.good(sums) == before, "what worked is gone"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"bucket": "no-such-bucket"},
            "the bucket does not exist; correct bucket in backup_repositories",
        ),
        ({"endpoint": "s3.farol.test:444"}, "the storage does not answer"),
        ({"ca_file": ""}, "the storage's certificate is not trusted"),
    ],
    ids=["bucket", "endpoint", "ca"],
)
def test_what_the_role_asks_tells_what_is_wrong(place, change, said):
    config = place.config()
    config["repositories"][0] |= change
    place.put("/run/probe.json", json.dumps(config))
    assert said in place.bad("farol-backup --config /run/probe.json probe")


def test_options_that_can_not_work_are_refused_all_at_once(place):
    done = place.converge(
        backup_repositories=[],
        backup_sources=[
            {"name": "main", "type": "files"},
            {"name": "x", "type": "postgresql", "url": "postgresql://u:a/b@h/d"},
        ],
    )
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    for said in (
        "main: type files needs paths or volumes",
        "main is there twice",
        "its url can't be read; user and password have to be encoded, @ as %40 and / as %2F",
        "nowhere to store it",
        f"{place.name}: ",
        "nothing was changed",
    ):
        assert said in text, text[-2000:]


def test_a_cluster_that_is_not_there_is_refused(place):
    done = place.converge(backup_clusters=[{"name": "main", "version": "9"}])
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "there is no cluster 9 main on this host (there is 17 main)" in text, text[-2000:]


# Storage.


def test_a_storage_that_is_down_keeps_nothing_from_the_other_one(place, storage, last_good):
    storage.down()
    try:
        began = time.monotonic()
        said = place.fails("farol-backup@shop")
        assert "shop: storage: the storage does not answer" in said
        assert "shop to disk: snapshot" in said
        assert failed(place, "shop", "storage")
        assert place.metric("farol_backup_success", "shop", "disk") == 1
        assert time.monotonic() - began < 120
    finally:
        storage.up()
    place.backup("shop")
    assert place.metric("farol_backup_success", "shop", "storage") == 1


def test_a_storage_that_goes_down_in_the_middle(place, storage, last_good):
    place.good("head -c 60000000 /dev/urandom >/srv/uploads/more.bin")
    place.good("systemctl start --no-block farol-backup@uploads")
    place.until("pgrep -f '[r]estic.*backup'")
    time.sleep(0.5)
    storage.down()
    time.sleep(4)
    storage.up()
    # restic asks again and goes on; what it ends with is whole, or said to have failed.
    place.until("! systemctl is-active farol-backup@uploads | grep -q activating", 120)
    ok = place.metric("farol_backup_success", "uploads", "storage")
    assert ok == float(
        place.good("systemctl show -p Result --value farol-backup@uploads") == "success"
    )
    place.run("systemctl reset-failed farol-backup@uploads")
    place.good("rm /srv/uploads/more.bin")
    place.backup("uploads")


def test_a_disk_that_gets_full_in_the_middle(place, last_good):
    """More has changed than the last differential backup lets expect, and nothing is spared.

    restic, and both tools at a bucket, go on trying for minutes: what they say then is in the unit tests.
    """
    there = place.ids("main", "disk")
    place.sql(
        "insert into rows (note, filler) select 'full', md5(random()::text) || md5(random()::text) from generate_series(1, 200000)"
    )
    place.archived()
    config = place.config()
    place.put("/etc/farol/backup.json", json.dumps({**config, "min_free_mb": 0}))
    # Room for what the last one took, which the backup refuses to begin without.
    last = [b for b in place.info("main")["backups"] if b["repository"] == "disk"][-1]
    room = 1_000_000 + (last["stored"] if last["kind"] == "diff" else 0)
    place.good(
        f"fallocate -l $(($(df --output=avail -B1 /mnt/disk | tail -1) - {room})) /mnt/disk/fill"
    )
    try:
        said = place.bad("farol-backup run main --kind diff")
    finally:
        place.good("rm -f /mnt/disk/fill")
        place.put("/etc/farol/backup.json", json.dumps(config, indent=1, sort_keys=True) + "\n")
        place.sql("delete from rows where note = 'full'")
    assert "main to storage: diff" in said
    assert "main to disk: no space is left; free some space" in said, said
    assert failed(place, "main", "disk")
    assert set(there) <= set(place.ids("main", "disk"))
    place.backup("main")


def test_a_disk_that_would_be_filled_is_refused_with_what_is_missing(place, last_good):
    place.good(
        "free=$(df --output=avail -B1 /mnt/disk | tail -1); fallocate -l $((free - 60000000)) /mnt/disk/fill"
    )
    try:
        said = place.fails("farol-backup@shop")
    finally:
        place.good("rm -f /mnt/disk/fill")
    assert "in /mnt/disk with 64.0 MiB to spare" in said and "are missing; free some space" in said
    assert place.metric("farol_backup_success", "shop", "storage") == 1, "the other one has room"
    assert failed(place, "shop", "disk")
    place.backup("shop")


# Sources.


def test_a_dump_that_fails_half_way_is_no_backup(place, last_good):
    """The trap: `pg_dump | restic --stdin` saves an empty snapshot."""
    there = place.ids("shop")
    place.sql("create table secret (id int)", "shop")
    said = place.fails("farol-backup@shop")
    place.sql("drop table secret", "shop")
    assert "pg_dump failed, so nothing was stored" in said and "permission denied" in said
    assert place.ids("shop") == there
    assert failed(place, "shop", "storage") and failed(place, "shop", "disk")
    place.backup("shop")


def test_a_dump_that_is_cut_off_is_no_backup(place, last_good):
    """A pg_dump that succeeds, with a file that is not whole: as from a disk that lies."""
    there = place.ids("shop")
    place.good(
        "printf '#!/bin/sh\\n/usr/bin/pg_dump \"$@\" | head -c 200000\\n' >/usr/local/bin/pg_dump && chmod +x /usr/local/bin/pg_dump"
    )
    try:
        said = place.fails("farol-backup@shop")
    finally:
        place.good("rm /usr/local/bin/pg_dump")
    assert "the dump can't be read back, so nothing was stored" in said
    assert place.ids("shop") == there
    place.backup("shop")


def test_a_database_that_is_down(place, last_good):
    place.good("systemctl stop redis-server postgresql@17-main")
    try:
        for source in ("queue", "shop", "main"):
            assert "the database does not answer; start it" in place.fails(f"farol-backup@{source}")
            assert failed(place, source, "storage")
    finally:
        place.good("systemctl start redis-server postgresql@17-main")
    for source in ("queue", "shop", "main"):
        place.backup(source)


def test_files_that_are_gone(place, last_good):
    place.good("mv /srv/uploads /srv/away")
    try:
        assert "/srv/uploads is not there" in place.fails("farol-backup@uploads")
    finally:
        place.good("mv /srv/away /srv/uploads")
    place.backup("uploads")


# Kills.


def test_a_backup_that_is_killed(place, last_good):
    place.good("head -c 80000000 /dev/urandom >/srv/uploads/more.bin")
    there = place.ids("uploads")
    place.good("systemctl start --no-block farol-backup@uploads")
    place.until("pgrep -f '[r]estic.*backup'")
    time.sleep(0.3)
    place.good("systemctl kill --signal=KILL farol-backup@uploads")
    place.until("systemctl is-failed farol-backup@uploads")
    place.run("systemctl reset-failed farol-backup@uploads")
    assert failed(place, "uploads", "storage")
    assert "it was killed or gave up" in json.dumps(place.info("uploads")["sources"])
    assert place.ids("uploads") == there
    place.good("rm /srv/uploads/more.bin")
    # Nobody has to unlock anything.
    place.backup("uploads")


def test_a_cluster_backup_that_is_killed(place, last_good):
    there = place.ids("main")
    place.good("systemctl start --no-block farol-backup@main")
    place.kill_when("pgrep -f '[p]gbackrest.*--type='", "farol-backup@main")
    place.until("systemctl is-failed farol-backup@main")
    place.run("systemctl reset-failed farol-backup@main")
    assert failed(place, "main", "storage")
    assert set(there) <= set(place.ids("main"))
    place.backup("main")


STEPS = {
    "fetching": "pgrep -f '[p]gbackrest.*scratch.* restore'",
    "recovering": "pgrep -f '[p]ostgres -D /var/lib/farol/backup/scratch'",
    "checking": "pgrep -f '[p]g_amcheck'",
}


@pytest.mark.parametrize("step", STEPS)
def test_a_drill_that_is_killed_leaves_nothing(place, step):
    place.good("systemctl start --no-block farol-drill@main")
    place.kill_when(STEPS[step], "farol-drill@main")
    place.until("systemctl is-failed farol-drill@main", 60)
    place.run("systemctl reset-failed farol-drill@main")
    assert place.good("ls -A /var/lib/farol/backup/scratch") == ""
    assert place.run("pgrep -f '[f]arol-scratch'").returncode != 0
    assert place.metric("farol_drill_success", "main", "storage") == 0
    assert place.sql("select 1") == "1"


# Damage.


def flip(storage, path: str) -> None:
    """Change bytes in the middle of an object, and nothing else about it."""
    script = (
        "import os,sys; p=sys.argv[1]; t=os.stat(p); f=open(p,'r+b'); n=t.st_size//2; f.seek(n); b=f.read(64); f.seek(n); "
        "f.write(bytes(x^0xff for x in b)); f.close(); os.utime(p, ns=(t.st_atime_ns,t.st_mtime_ns))"
    )
    storage.run(f'python3 -c "{script}" {path}')


def largest(storage, folder: str, pattern: str) -> str:
    return storage.run(
        f"find {folder} -type f -path '{pattern}' -printf '%s %p\\n' | sort -n | tail -1"
    ).split()[1]


@pytest.fixture
def drilled(place):
    """After a test has damaged something: a new backup, and a drill that says that all is well again."""
    yield
    place.good("farol-backup run main --kind full")
    place.good("systemctl start farol-drill@main")
    assert place.metric("farol_drill_success", "main", "storage") == 1


def test_a_damaged_cluster_backup_is_found_by_the_drill_and_nothing_older_goes(
    place, storage, drilled
):
    place.good("farol-backup run main --kind full")
    newest = place.ids("main")[-1]
    folder = f"/srv/s3/farol/farol/{place.name}/pgbackrest/backup/main/{newest}"
    flip(storage, largest(storage, folder, "*"))
    # The trap: pgbackrest's own verify ends with 0.
    trap = place.run(
        "cd / && runuser -u postgres -- pgbackrest --stanza=main --repo=1 verify >/dev/null"
    )
    assert trap.returncode == 0
    assert "the backup is damaged" in place.bad("farol-backup verify main")
    said = place.fails("farol-drill@main")
    assert "the backup is damaged; restore an older one by its name" in said
    assert failed(place, "main", "storage", part="drill")
    assert place.metric("farol_drill_success", "main", "disk") == 1, "the other repository is well"
    # Retention stands still: what is older may be all that is good.
    there = place.ids("main")
    done = place.good(
        "farol-backup run main --kind full; farol-backup run main --kind full; farol-backup run main --kind full"
    )
    assert "nothing older was removed, because the last restore drill failed" in done
    assert set(there) <= set(place.ids("main"))


def test_a_damaged_snapshot_is_found_by_the_drill(place, storage):
    place.good(f"head -c 5000000 /dev/urandom >/srv/uploads/seed-{random.randrange(10**9)}.bin")
    place.backup("uploads")
    path = largest(storage, f"/srv/s3/farol/farol/{place.name}/restic", "*/data/*")
    storage.run(f"cp -p {path} /srv/kept")
    flip(storage, path)
    try:
        # The trap: restic's check looks at its index alone.
        repository = json.dumps(place.repositories()[0])
        script = (
            "import json,os,subprocess,sys; sys.path.insert(0,'/usr/local/lib/farol'); "
            "from ansible_collections.farol.vps.plugins.module_utils import _backup_conf as c; r=json.loads(sys.stdin.read()); "
            f"sys.exit(subprocess.run(['restic',*c.restic_options(r),'check'],env={{**os.environ,**c.restic_environment(r,'{place.name}')}},"
            "stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL).returncode)"
        )
        assert place.run(f"echo '{repository}' | python3 -c \"{script}\"").returncode == 0
        assert "the backup is damaged" in place.bad("farol-backup verify uploads")
        said = place.fails("farol-drill@uploads")
        assert "the backup is damaged" in said
        assert failed(place, "uploads", "storage", part="drill")
        done = place.playbook("restore_drill", source="uploads")
        assert done.returncode != 0 and "the backup is damaged" in " ".join(done.stdout.split())
    finally:
        storage.run(f"cp -p /srv/kept {path}")
    place.good("rm /srv/uploads/seed-*; systemctl start farol-drill@uploads")


# The archive.


def write_wal(place) -> None:
    place.sql(
        "insert into rows (note, filler) select 'w', repeat('x', 200) from generate_series(1, 1000)"
    )
    place.sql("select pg_switch_wal()")


def watched(place) -> str:
    """What the watch says when it fails, and nothing where all is well."""
    since = place.good("date +%s.%N")
    if place.run("systemctl start farol-backup-watch").returncode == 0:
        return ""
    place.good("journalctl --sync")
    text = place.good(f"journalctl -u farol-backup-watch --since=@{since} --output=cat")
    return " ".join(text.split())


def test_an_archive_that_falls_behind_is_told_and_does_not_fill_the_disk(place, storage, last_good):
    place.archived()
    storage.down()
    try:
        for _segment in range(3):
            write_wal(place)
        # Meanwhile a backup can't be whole anywhere, since the WAL that belongs to it is not in the archive.
        place.good("systemctl start --no-block farol-backup@main")
        deadline = time.monotonic() + 90
        while "the oldest for" not in (told := watched(place)):
            assert time.monotonic() < deadline, told
            time.sleep(2)
        assert "WAL segments wait to be archived, the oldest for" in told
        assert place.metric("farol_archive_ok", "main") == 0
        # Beyond the limit (64 MiB here) WAL goes rather than the disk, and that is told, too.
        deadline = time.monotonic() + 200
        while not place.metric("farol_archive_dropped", "main"):
            assert time.monotonic() < deadline, "nothing was dropped"
            write_wal(place)
            told = watched(place)
            time.sleep(5)  # pgBackRest looks at its queue once it has given up on the storage
        assert "WAL segments were dropped" in told and "farol-backup run main" in told
        assert place.metric("farol_archive_waiting_files", "main") < 16
        place.until("systemctl is-failed farol-backup@main", 120)
        assert failed(place, "main", "storage")
    finally:
        storage.up()
        place.sql("delete from rows where note = 'w'")
    place.run("systemctl reset-failed farol-backup@main")
    place.archived(120)
    place.backup("main")
    assert watched(place) == ""
    assert place.metric("farol_archive_dropped", "main") == 0
    place.good("systemctl start farol-drill@main")
