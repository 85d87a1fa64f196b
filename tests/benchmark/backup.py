"""What backups, restores and drills of a database of 1 GB take, beside pg_dump and its restore; prints a section of Markdown.

Takes a bare host of the benchmark's inventory and the lab's S3-compatible storage. Half of the rows compress, half do not.
The host is killed in the end, under a steady load of writes, to see how far behind the archive is. MEGABYTES in the environment makes
it another size.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from datetime import datetime

from playbook import HERE, play
from table import Row

HOST = "bench-noble"
MEGABYTES = int(os.environ.get("MEGABYTES", "1000"))
TABLE = "create table {} (id bigint primary key, made timestamptz, note text)"
FILL = """
insert into rows select n, now(), case when n % 2 = 0 then repeat(md5(n::text), 32)
  else encode((select string_agg(sha256((n || '-' || k)::bytea), '') from generate_series(1, 24) k), 'base64') end
from generate_series(1, {}) n
"""


def host(command: str, user: str = "root", check: bool = True) -> str:
    done = subprocess.run(
        ["docker", "exec", "-u", user, HOST, "bash", "-ec", command], capture_output=True, text=True
    )
    if check and done.returncode:
        raise SystemExit(f"benchmark: {command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def sql(query: str, database: str = "bench") -> str:
    return host(f'cd /; psql -XAtq -v ON_ERROR_STOP=1 -d {database} -c "{query}"', "postgres")


def timed(command: str, user: str = "root") -> float:
    began = time.monotonic()
    host(command, user)
    return time.monotonic() - began


def archived() -> None:
    segment = sql("select pg_walfile_name(pg_switch_wal() - 1)")
    while sql("select coalesce(last_archived_wal, '') from pg_stat_archiver") < segment:
        time.sleep(0.2)


def fill() -> int:
    sql("create database bench", "postgres")
    sql(TABLE.format("rows"))
    rows = MEGABYTES * 900
    sql(FILL.format(rows))
    # As a table is that was not filled a moment ago: its first vacuum writes every page.
    sql("vacuum (freeze, analyze) rows")
    sql("create table kept as select 1 as id")
    archived()
    return int(sql("select pg_database_size('bench')"))


def lost_when_killed() -> float:
    """Seconds between the last row of a killed host that the archive gives back and the kill."""
    sql(TABLE.format("steady"))
    writing = "while :; do psql -XAtq -d bench -c 'insert into steady select extract(epoch from clock_timestamp()) * 1000, clock_timestamp()'; sleep 0.1; done"
    subprocess.Popen(
        ["docker", "exec", "-u", "postgres", HOST, "bash", "-c", f"cd /; {writing}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(100)
    # Afterwards the server stays down, so that it has no chance to archive what it had not.
    host("echo manual >/etc/postgresql/16/main/start.conf; systemctl daemon-reload; sync")
    subprocess.run(["docker", "kill", HOST], check=True, capture_output=True)
    killed = time.time()
    subprocess.run(["docker", "start", HOST], check=True, capture_output=True)
    while "running" not in host("systemctl is-system-running || true", check=False) + host(
        "systemctl is-active multi-user.target | sed s/^active/running/", check=False
    ):
        time.sleep(0.5)
    host("systemctl start farol-drill@main")
    report = json.loads(host("cat /var/lib/farol/backup/drills/main.json"))
    return (
        killed
        - datetime.fromisoformat(
            report["results"][0]["data_from"].replace("Z", "+00:00")
        ).timestamp()
    )


def measure() -> list[Row]:
    # What an earlier run has stored is of another cluster; the server is started anew, since it remembers what was there.
    forget = f"rm -rf /srv/s3/farol/farol/{HOST}; kill $(cat /srv/pid)"
    subprocess.run(["docker", "exec", "farol-s3", "sh", "-c", forget], check=True)
    play(HERE / "backup.yml")
    size = fill()
    rows = []
    dump = timed("cd /; pg_dump bench | gzip -6 >/var/tmp/dump.gz", "postgres")
    load = timed(
        "cd /; createdb copy; zcat /var/tmp/dump.gz | psql -XAtq -d copy; dropdb copy; rm /var/tmp/dump.gz",
        "postgres",
    )
    full = timed("farol-backup run main --kind full")
    rows.append(Row(f"full backup of {size / 1e9:.2f} GB", full, "`pg_dump \\| gzip -6`", dump))
    sql(f"update rows set made = now() where id <= {MEGABYTES * 9}")
    archived()
    differential = timed("farol-backup run main --kind diff")
    rows.append(
        Row(
            "differential backup, 1 % changed",
            differential,
            "`pg_dump \\| gzip -6`",
            dump,
            "≤ 1/10",
            differential * 10 <= dump,
        )
    )
    restore = timed("farol-backup restore main --confirm main --discard-replaced")
    rows.append(Row("full restore, checked and live", restore, "`zcat \\| psql`", load))
    fetch = timed(
        "install -d -o postgres -m 700 /var/tmp/data; cd /; runuser -u postgres -- pgbackrest --stanza=main --pg1-path=/var/tmp/data "
        "--archive-mode=off --process-max=2 restore"
    )
    host("rm -r /var/tmp/data")
    rows.append(
        Row(
            "full restore, its files alone",
            fetch,
            "`zcat \\| psql`",
            load,
            "≤ 1/3",
            fetch * 3 <= load,
        )
    )
    host("systemctl start farol-backup@main")
    time.sleep(1.1)
    moment = sql(
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US') || '+00:00'"
    )
    time.sleep(1.1)
    sql("drop table rows")
    back = timed(f"farol-backup restore main --confirm main --at '{moment}' --discard-replaced")
    assert int(sql("select count(*) from rows")) == MEGABYTES * 900
    rows.append(Row("a dropped table back", back, target="< 60 s", met=back < 60))
    host("systemctl start farol-backup@main")
    drill = timed("systemctl start farol-drill@main")
    rows.append(
        Row("drill, with pg_amcheck over all of it", drill, target="< 120 s", met=drill < 120)
    )
    lost = lost_when_killed()
    rows.append(
        Row(
            "what a killed host loses under a steady load of writes",
            lost,
            target="≤ 60 s",
            met=lost <= 60,
        )
    )
    return rows


def main() -> None:
    load = os.getloadavg()[0]
    rows = measure()
    print("## Backups\n")
    print(
        f"A database of {MEGABYTES / 1000:g} GB, half of whose rows compress, to an S3-compatible storage over TLS on the same machine, encrypted."
    )
    print(f"The machine's load was {load:.1f} at the start. Each was measured once.\n")
    print("| what | time | against | ratio | target | |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(row)
    print()


if __name__ == "__main__":
    main()
