"""Everything is backed up, encrypted, to both repositories, by timers, with metrics and without a secret shown."""

from __future__ import annotations

import json
import time

import pytest

PLAIN = "an upload of somebody"


def sources(place) -> list[str]:
    third = "api-postgres" if "noble" in place.name else "queue"
    return ["main", "shop", "uploads", third]


@pytest.fixture(scope="module", autouse=True)
def backed_up(place):
    place.backed_up(*sources(place))


def test_every_source_is_in_both_repositories_whole(place):
    found = place.info()
    assert found["faults"] == []
    for source in sources(place):
        for repository in ("storage", "disk"):
            about = found["sources"][source][repository]
            assert about["count"] >= 1 and about["incomplete"] == 0 and about["last_run_ok"], about
            assert 0 <= about["newest"]["age"] < 3600
    sizes = {backup["source"]: backup["size"] for backup in found["backups"]}
    assert sizes["uploads"] > 3_000_000 and sizes["shop"] > 500_000 and sizes["main"] > 5_000_000


def test_what_is_stored_is_encrypted(place, storage):
    assert storage.run(f"grep -rl '{PLAIN}' /srv/s3 || true") == ""
    assert storage.run("grep -rl 'the last order' /srv/s3 || true") == ""
    assert place.run(f"grep -rl -e '{PLAIN}' -e 'the last order' /mnt/disk").stdout == ""
    assert int(storage.run("find /srv/s3/farol -type f | wc -l")) > 20


def test_metrics_are_there_for_node_exporter(place):
    now = time.time()
    for source in sources(place):
        for repository in ("storage", "disk"):
            assert place.metric("farol_backup_success", source, repository) == 1
            age = now - place.metric(
                "farol_backup_last_success_timestamp_seconds", source, repository
            )
            assert -5 < age < 3600
            assert place.metric("farol_backup_duration_seconds", source, repository) > 0
            assert place.metric("farol_backup_size_bytes", source, repository) > 0
    assert (
        place.good("stat -c %a /var/lib/prometheus/node-exporter/farol_backup_main.prom") == "644"
    )


def test_timers_run_them_with_random_delays(place):
    shown = json.loads(place.good("systemctl list-timers --all --output=json"))
    units = {timer["unit"] for timer in shown}
    for source in sources(place):
        assert {f"farol-backup@{source}.timer", f"farol-drill@{source}.timer"} <= units
    settings = place.good(
        "systemctl show -p RandomizedDelayUSec,Persistent farol-backup@main.timer"
    )
    assert "RandomizedDelayUSec=45min" in settings and "Persistent=yes" in settings


def test_hooks_surround_a_backup_of_files(place):
    hooks = place.good("cat /srv/hooks").split()
    assert hooks == ["before", "after"] * (len(hooks) // 2)


def test_a_hook_that_fails_lets_nothing_be_stored_and_the_other_one_run(place):
    there = place.ids("uploads")
    place.good("mv /srv/hooks /srv/hooks.was; mkdir /srv/hooks")
    try:
        said = place.fails("farol-backup@uploads")
    finally:
        place.good("rmdir /srv/hooks; mv /srv/hooks.was /srv/hooks")
    assert "the hook before it failed" in said
    assert place.ids("uploads") == there
    assert place.metric("farol_backup_success", "uploads", "storage") == 0


def test_wal_reaches_the_archive_within_seconds(place):
    """What a killed host loses: less than a minute, however little is written."""
    place.sql("insert into rows (note) values ('a lone row')")
    segment = place.sql("select pg_walfile_name(pg_current_wal_lsn())", "postgres")
    began = time.monotonic()
    while (
        place.sql("select coalesce(last_archived_wal, '') from pg_stat_archiver", "postgres")
        < segment
    ):
        assert time.monotonic() - began < 60
        time.sleep(0.5)


def test_the_watch_says_that_wal_gets_there(place):
    place.archived()
    place.good("systemctl start farol-backup-watch")
    assert place.metric("farol_archive_ok", "main") == 1


def test_credentials_are_for_their_readers_alone(place):
    for path, owner in (
        ("/etc/farol/backup.json", "root"),
        ("/etc/pgbackrest/pgbackrest.conf", "postgres"),
    ):
        assert place.good(f"stat -c '%a %U' {path}") == f"600 {owner}"


def test_no_secret_is_an_argument_or_in_the_journal(place, secrets):
    """Every command line that there is while all sources are backed up and drilled, against every secret."""
    # The watcher runs in the host and prints the secrets that it found, which `run` would not let through.
    script = f"""
import glob, os, time
secrets = [text.encode() for text in {json.dumps(secrets)}]
found, seen, end = set(), 0, time.time() + 25
while time.time() < end and not os.path.exists('/run/watched'):
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            line = open(path, 'rb').read()
        except OSError:
            continue
        if b'watcher.py' in line:
            continue
        seen += b'restic' in line or b'pgbackrest' in line
        found |= {{i for i, text in enumerate(secrets) if text in line}}
print(seen, len(found))
"""
    place.good_secret(
        f"cat >/run/watcher.py <<'PY'\n{script}\nPY\nrm -f /run/watched; python3 /run/watcher.py >/run/seen 2>&1 &"
    )
    for source in sources(place):
        place.backup(source)
    place.good("touch /run/watched")
    place.until("test -s /run/seen")
    seen, found = map(int, place.good("cat /run/seen").split())
    assert seen > 20, "the watcher has seen no tool at work"
    assert found == 0
    journal = place.good_secret("journalctl -b --no-pager")
    assert journal and not [secret for secret in secrets if secret in journal]
    logs = place.good_secret("cat /var/log/pgbackrest/* /var/log/postgresql/*")
    assert not [secret for secret in secrets if secret in logs]


def test_a_cluster_gets_a_full_backup_first_and_differential_ones_after_it(place):
    kinds = [b["kind"] for b in place.info("main")["backups"] if b["repository"] == "disk"]
    assert kinds[0] == "full" and kinds[-1] == "diff"


def test_a_playbook_backs_up_and_shows_what_is_there(place):
    done = place.playbook("backup", source="shop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shop" in done.stdout and "snapshot" in done.stdout and "complete" in done.stdout
    looked = place.playbook("backup", only="info")
    assert looked.returncode == 0 and "changed=0" in looked.stdout
    for source in sources(place):
        assert source in looked.stdout


def test_retention_removes_the_oldest_and_never_the_last_good(place):
    """`last: 2` in this inventory, and nothing else keeps any; two were made before this one."""
    place.good("echo more >>/srv/uploads/deep/picture.txt")
    place.backup("uploads")
    found = [b for b in place.info("uploads")["backups"] if b["repository"] == "disk"]
    assert len(found) == 2
    assert place.metric("farol_backup_count", "uploads", "disk") == 2


def test_logs_are_rotated_and_go_on(place):
    assert "logrotate.timer" in place.good("systemctl list-timers --all")
    place.good("logrotate --force --state /run/logrotate /etc/logrotate.d/pgbackrest")
    place.good("test -s /var/log/pgbackrest/main-archive-push-async.log.1")
    place.archived()
    place.until("grep -q 'archive-push' /var/log/pgbackrest/main-archive-push-async.log")


@pytest.fixture(scope="module")
def drilled(place, storage):
    """What a drill of all sources says, and the names in the archive before and after it.

    With `backup_drill_read: all`, which has to get along with repositories that are read-only to it.
    """
    names = f"find /srv/s3/farol/farol/{place.name}/pgbackrest/archive -type f"
    config = place.config()
    place.put("/etc/farol/backup.json", json.dumps({**config, "drill_read": "all"}))
    place.archived()
    before = storage.run(names).split()
    try:
        done = place.playbook("restore_drill")
    finally:
        place.put("/etc/farol/backup.json", json.dumps(config, indent=1, sort_keys=True) + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split()), before, storage.run(names).split()


def test_a_drill_restores_every_source_and_leaves_nothing(place, drilled):
    text = drilled[0]
    assert "pg_amcheck finds no damage" in text and "1 queries answer as expected" in text
    assert "2 tables with 20002 rows as the manifest says" in text
    assert "files with" in text and "read back and compared" in text
    assert text.count("all backups read back") >= 2 * len(sources(place))
    for source in sources(place):
        for repository in ("storage", "disk"):
            assert place.metric("farol_drill_success", source, repository) == 1
    assert place.good("ls -A /var/lib/farol/backup/scratch") == ""
    assert place.run("pgrep -f '[f]arol-scratch'").returncode != 0
    assert place.run("docker ps -aq --filter label=farol.drill 2>/dev/null").stdout == ""


def test_a_drill_can_not_write_to_the_live_data(place):
    """The kernel refuses it: all but the scratch place is read-only in its unit."""
    place.good("mkdir -p /run/systemd/system/farol-drill@main.service.d")
    place.good(
        "printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"runuser -u postgres -- touch "
        "$$(ls -d /var/lib/postgresql/*/main)/touched\"\\nExecStopPost=\\n' "
        ">/run/systemd/system/farol-drill@main.service.d/test.conf && systemctl daemon-reload"
    )
    try:
        said = place.fails("farol-drill@main")
    finally:
        place.good(
            "rm -r /run/systemd/system/farol-drill@main.service.d && systemctl daemon-reload"
        )
    assert "Read-only file system" in said


def test_a_drill_leaves_no_trace_in_the_archive(place, drilled):
    """The trap: a scratch server with archiving on writes its timeline into the real archive."""
    _text, before, after = drilled
    assert before
    # The live server goes on archiving meanwhile, on its own timeline; nobody has begun another one.
    timeline = place.sql("select lpad(to_hex(timeline_id), 8, '0') from pg_control_checkpoint()")
    assert set(before) <= set(after)
    for path in set(after) - set(before):
        assert path.rpartition("/")[2].startswith(timeline.upper()) and ".history" not in path
