"""PostgreSQL and PgBouncer as a container, the host and the world see them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRAM_LOGIN = Path(__file__).parents[1] / "scram_login.py"
ONLY = HOST = "data-noble-primary"
SERVER, POOLER = 5432, 6432


@pytest.mark.parametrize("port", [SERVER, POOLER])
def test_a_container_logs_in_over_tls_that_it_verifies(containers, port):
    answer = containers.psql("SELECT current_user, current_database()", port=port)
    assert answer.stdout == "app|app\n", answer.stderr


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"tls": "disable", "port": SERVER}, "no encryption"),
        ({"tls": "disable", "port": POOLER}, "SSL required"),
        ({"secret": "wrong", "port": SERVER}, "password authentication failed"),
        ({"secret": "wrong", "port": POOLER}, "authentication failed"),
        ({"database": "reports", "port": SERVER}, "no pg_hba.conf entry"),
        ({"database": "reports", "port": POOLER}, "no pg_hba.conf entry"),
        ({"user": "postgres", "secret": "x", "database": "postgres"}, "rejects connection"),
        ({"user": "monitoring", "secret": "x", "database": "postgres"}, "no pg_hba.conf entry"),
        ({"user": "postgres", "secret": "x", "port": POOLER}, "authentication failed"),
    ],
)
def test_what_is_not_meant_to_get_in_does_not(containers, how, said):
    answer = containers.psql("SELECT 1", **how)
    assert answer.rc != 0 and said in answer.stderr, answer.stderr


@pytest.mark.parametrize(
    ("port", "user", "secret", "logged_in"),
    [
        # PgBouncer comes to the server as a superuser that has no password.
        (POOLER, "postgres", "", False),
        (POOLER, "monitoring", "", False),
        (SERVER, "monitoring", "", False),
        (POOLER, "app", "demo-only-app", True),
    ],
)
def test_no_empty_password_lets_anybody_in(lab, port, user, secret, logged_in):
    done = subprocess.run(
        ["docker", "exec", "-i", lab.name, "python3", "-", str(port), user, "app", secret],
        input=SCRAM_LOGIN.read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == (f"logged in as {user}\n" if logged_in else ""), done.stdout
    assert logged_in or "fail" in done.stderr or "no pg_hba.conf entry" in done.stderr, done.stderr


def test_a_route_to_the_address_for_containers_leads_nowhere(lab, neighbour, scan):
    """The servers listen there, and UFW lets the neighbour's network in: the roles' own tables do not."""
    neighbour.check_output(f"ip route add 172.17.0.1/32 via {lab.address}")
    try:
        assert scan("172.17.0.1") <= {22}
    finally:
        neighbour.check_output("ip route del 172.17.0.1/32")


def test_a_user_owns_its_database_and_nothing_more(containers):
    made = containers.psql(
        "DROP TABLE IF EXISTS item; CREATE TABLE item (id int, embedding vector(3)); "
        "INSERT INTO item VALUES (1, '[1,2,3]'), (2, '[9,9,9]'); "
        "SELECT id FROM item ORDER BY embedding <-> '[1,2,4]' LIMIT 1"
    )
    assert made.stdout == "1\n", made.stderr
    for forbidden in (
        "CREATE ROLE x",
        "CREATE DATABASE x",
        "SELECT * FROM pg_authid",
        "COPY item TO '/tmp/x'",
    ):
        assert "denied" in containers.psql(forbidden).stderr, forbidden
    # Another user opens it by name, and sees what the owner grants.
    other = containers.psql("SELECT * FROM item", user="reporter")
    assert "permission denied for table item" in other.stderr


def test_the_monitoring_role_sees_statistics_and_writes_nothing(server):
    ask = "psql -XAtq -U monitoring postgres -c"
    seen = server.check_output(
        f"{ask} \"SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%embedding%'\""
    )
    assert int(seen) > 0
    assert (
        server.check_output(f'{ask} "SELECT application_name FROM pg_stat_replication"')
        == "farol_data_noble_replica"
    )
    assert "read-only transaction" in server.run(f'{ask} "CREATE TABLE x (i int)"').stderr
    assert (
        "permission denied" in server.run("psql -U monitoring app -c 'SELECT * FROM item'").stderr
    )


def test_slow_queries_are_logged_without_their_values(server):
    ask = "runuser -u postgres -- psql -XAtq"
    server.check_output(f"printf '%s\\n' 'SELECT pg_sleep(0.2), $1 \\bind h1dden \\g' | {ask} app")
    log = server.check_output("cat /var/log/postgresql/postgresql-16-main.log")
    assert "postgres@app LOG:  duration:" in log and "SELECT pg_sleep(0.2), $1" in log
    assert "h1dden" not in log


def test_no_password_is_written_anywhere_or_on_a_command_line(server, sql, secrets):
    found = server.run(
        "grep -rlaFf - /var/log /etc /var/lib/farol /var/lib/postgresql /var/lib/redis <<'EOF'\n"
        + "\n".join(secrets)
        + "\nEOF"
    )
    assert found.stdout == "", found.stdout
    assert not any(secret in server.check_output("ps axww") for secret in secrets)
    # The verifiers are no passwords, but nobody's business either.
    assert server.run("grep -rla 'SCRAM-SHA-256[$]' /var/log").stdout == ""
    assert sql(HOST, "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%SCRAM%'") == "0"
    stored = sql(
        HOST, "SELECT count(*) FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$4096:%'"
    )
    assert int(stored) == 3


def test_the_pools_fit_the_connections(server):
    pools = server.check_output(
        "runuser -u postgres -- psql -XAtq -p 6432 -U pgbouncer pgbouncer -c 'SHOW DATABASES'"
    )
    sizes = {line.split("|")[0]: line for line in pools.splitlines()}
    assert "|20|" in sizes["app"] and "|67|" in sizes["reports"] and "session" in sizes["reports"]


def test_data_is_checked_and_in_utf8(lab, sql):
    assert sql(HOST, "SHOW data_checksums") == "on"
    assert sql(HOST, "SELECT DISTINCT pg_encoding_to_char(encoding) FROM pg_database") == "UTF8"
    assert sql(HOST, "SHOW wal_level") == "replica" and sql(HOST, "SHOW archive_mode") == "on"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"work_mem": "lots"}, 'invalid value for parameter "work_mem"'),
        # What only a start would find.
        ({"shared_buffers": "900GB"}, "could not map anonymous shared memory"),
    ],
)
def test_what_the_server_would_not_start_with_changes_nothing(fails, server, sql, settings, said):
    started = sql(HOST, "SELECT pg_postmaster_start_time()")
    before = server.file("/etc/postgresql/16/main/postgresql.conf").sha256sum
    assert said in fails("--tags", "postgresql_configure", postgresql_settings=settings)
    assert server.file("/etc/postgresql/16/main/postgresql.conf").sha256sum == before
    assert sql(HOST, "SELECT pg_postmaster_start_time()") == started


def test_a_setting_changes_without_a_restart_unless_it_needs_one(converge, sql):
    started = sql(HOST, "SELECT pg_postmaster_start_time()")
    done = converge("--tags", "postgresql_configure", postgresql_settings={"work_mem": "8MB"})
    assert done.returncode == 0, done.stdout
    assert sql(HOST, "SHOW work_mem") == "8MB"
    assert sql(HOST, "SELECT pg_postmaster_start_time()") == started
    settings = {"wal_buffers": "8MB"}
    assert converge("--tags", "postgresql_configure", postgresql_settings=settings).returncode == 0
    assert sql(HOST, "SHOW wal_buffers") == "8MB"
    assert sql(HOST, "SELECT pg_postmaster_start_time()") != started
    assert sql(HOST, "SHOW work_mem") == "4MB"
