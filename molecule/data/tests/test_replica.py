"""A replica streams, breaks, is seeded anew, and takes over without losing a row. The last file: it leaves the primary a replica."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

PRIMARY, REPLICA = "data-noble-primary", "data-noble-replica"
ONLY = REPLICA
PROMOTED = Path(__file__).parents[1] / "promoted"
ROLE = ("--tags", "postgresql", "--limit", f"{PRIMARY},{REPLICA}")


def eventually(question, answer, seconds=30):
    deadline = time.monotonic() + seconds
    while (found := question()) != answer and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == answer


def rows(sql, host):
    return int(sql(host, "SELECT count(*) FROM ledger", "app"))


def said(done):
    return " ".join((done.stdout + done.stderr).split())


class Writer(threading.Thread):
    """Adds rows until the server no longer takes them, and counts those that were acknowledged."""

    def __init__(self, host):
        super().__init__()
        self.host, self.written = host, 0

    def run(self):
        insert = "INSERT INTO ledger DEFAULT VALUES"
        command = [
            "docker",
            "exec",
            self.host,
            "runuser",
            "-u",
            "postgres",
            "--",
            "psql",
            "-qc",
            insert,
            "app",
        ]
        while subprocess.run(command, capture_output=True, check=False).returncode == 0:
            self.written += 1


def test_a_row_streams_and_the_lag_is_seen(lab, sql):
    sql(
        PRIMARY,
        "DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (at timestamptz DEFAULT now())",
        "app",
    )
    sql(PRIMARY, "INSERT INTO ledger DEFAULT VALUES", "app")
    caught_up = "SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication"
    eventually(lambda: sql(PRIMARY, caught_up), "t")
    assert rows(sql, REPLICA) == 1
    assert sql(REPLICA, "SELECT pg_is_in_recovery()") == "t"
    over_tls = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"
    assert sql(PRIMARY, over_tls) == "t"


def test_a_replica_takes_no_writes(lab):
    done = lab.inside("runuser -u postgres -- psql -c 'INSERT INTO ledger DEFAULT VALUES' app 2>&1")
    assert "read-only transaction" in done


def test_a_replica_that_fell_behind_is_named_and_seeded_anew_only_when_told(
    lab, sql, converge, fails
):
    lab.inside("systemctl stop postgresql@16-main")
    slot = "farol_data_noble_replica"
    eventually(lambda: sql(PRIMARY, "SELECT active FROM pg_replication_slots"), "f")
    sql(PRIMARY, f"SELECT pg_drop_replication_slot('{slot}')")
    text = fails("--tags", "postgresql_configure")
    assert f"{REPLICA} does not stream from {PRIMARY}" in text
    assert f"postgresql_reseed={REPLICA}" in text
    done = converge(*ROLE, postgresql_reseed=REPLICA)
    assert done.returncode == 0, done.stdout
    assert f"{REPLICA} streams from {PRIMARY}" in said(done)
    assert rows(sql, REPLICA) == 1
    assert lab.inside("ls /var/lib/postgresql/16") == "main"


def test_a_primary_that_streams_is_not_taken_for_lost(lab, sql):
    lost = ("-e", f"promote={REPLICA}", "-e", f"lost={PRIMARY}")
    done = lab.playbook("playbooks/promote.yml", *lost)
    assert done.returncode != 0 and f"{PRIMARY} is not lost, {REPLICA} streams from it" in said(
        done
    )
    assert sql(REPLICA, "SELECT pg_is_in_recovery()") == "t"


def test_a_check_promotes_nobody_and_says_who_would_be(lab, sql):
    done = lab.playbook("playbooks/promote.yml", "--check", "-e", f"promote={REPLICA}")
    assert done.returncode == 0, done.stdout
    assert f"{PRIMARY} would be stopped and fenced, and {REPLICA} promoted" in said(done)
    assert sql(REPLICA, "SELECT pg_is_in_recovery()") == "t"


def test_a_check_predicts_an_instance_that_does_not_stream_yet(lab):
    kinds = {"cache": 6379, "queue": 6380, "more": 6381}
    wanted = [
        {
            "name": name,
            "port": port,
            "kind": "queue" if name == "queue" else "cache",
            "maxmemory": "4mb",
        }
        for name, port in kinds.items()
    ]
    given = json.dumps({"redis_instances": wanted})
    done = lab.playbook("molecule/data/converge.yml", "--check", "--tags", "redis", "-e", given)
    assert done.returncode == 0, done.stdout


def test_a_replica_that_misses_the_last_bytes_is_not_promoted_and_the_primary_serves_again(
    lab, sql
):
    """A receiver that hangs: the primary takes it for connected, and gives it up when it stops."""
    sql(PRIMARY, "ALTER SYSTEM SET wal_sender_timeout = '20s'")
    sql(PRIMARY, "SELECT pg_reload_conf()")
    lab.inside("pkill -STOP -f '[w]alreceiver'")
    try:
        done = lab.playbook("playbooks/promote.yml", "-e", f"promote={REPLICA}")
    finally:
        lab.inside("pkill -CONT -f '[w]alreceiver'")
    assert done.returncode != 0
    assert f"{REPLICA} was not promoted, and {PRIMARY} serves again" in said(done), done.stdout
    sql(PRIMARY, "ALTER SYSTEM RESET wal_sender_timeout")
    sql(PRIMARY, "INSERT INTO ledger DEFAULT VALUES", "app")
    assert sql(REPLICA, "SELECT pg_is_in_recovery()") == "t"
    pooler = [
        "docker",
        "exec",
        PRIMARY,
        "systemctl",
        "is-active",
        "postgresql@16-main",
        "pgbouncer",
    ]
    assert (
        subprocess.run(pooler, capture_output=True, text=True, check=False).stdout
        == "active\nactive\n"
    )
    eventually(lambda: rows(sql, REPLICA), rows(sql, PRIMARY))


def test_a_promotion_loses_no_row_and_the_old_primary_stays_down(lab, sql, server):
    before = rows(sql, PRIMARY)
    writer = Writer(PRIMARY)
    writer.start()
    time.sleep(2)
    done = lab.playbook("playbooks/promote.yml", "-e", f"promote={REPLICA}")
    writer.join(timeout=60)
    assert done.returncode == 0, done.stdout
    assert writer.written > 5 and rows(sql, REPLICA) == before + writer.written
    sql(REPLICA, "INSERT INTO ledger DEFAULT VALUES", "app")
    start = ["docker", "exec", PRIMARY, "systemctl", "start", "postgresql@16-main"]
    refused = subprocess.run(start, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "masked" in refused.stderr
    # Nor does the role bring either of them back by mistake.
    done = lab.playbook("molecule/data/converge.yml", *ROLE)
    assert done.returncode != 0 and "changed=0" in done.stdout
    assert f"it was fenced when {REPLICA} was promoted" in said(done)
    assert f"{REPLICA}: it is to be a replica of {PRIMARY} and holds data of its own" in said(done)


def test_the_old_primary_becomes_a_replica_when_told(lab, sql):
    promoted = replace(lab, inventory=PROMOTED)
    options = json.dumps({"postgresql_reseed": PRIMARY})
    done = promoted.playbook("molecule/data/converge.yml", *ROLE, "-e", options)
    assert done.returncode == 0, done.stdout
    assert "kept /var/lib/postgresql/16/main.before-" in said(done)
    assert rows(sql, PRIMARY) == rows(sql, REPLICA)
    assert sql(PRIMARY, "SELECT pg_is_in_recovery()") == "t"
    again = promoted.playbook("molecule/data/converge.yml", *ROLE)
    assert "changed=0" in again.stdout and again.returncode == 0, again.stdout
