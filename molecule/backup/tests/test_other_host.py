"""A host restores what another host has stored."""

from __future__ import annotations

import pytest

ONLY = "trixie"


def test_a_dump_of_the_other_host(place):
    place.sql("delete from orders where id > 5", "shop")
    done = place.playbook("restore", source="shop", confirm="shop", of_host="backup-noble")
    assert done.returncode == 0, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert "of backup-noble in storage" in text and "20002 rows as the manifest says" in text
    assert place.sql("select count(*) from orders", "shop") == "20002"
    assert (
        place.sql("select pg_get_userbyid(datdba) from pg_database where datname = 'shop'", "shop")
        == "shop"
    )


def test_what_is_there_of_the_other_host(place):
    shown = place.good("farol-backup info --of-host backup-noble")
    assert "uploads" in shown and "main" in shown


@pytest.mark.parametrize("playbook_variables", [{"of_host": "backup-noble"}])
def test_a_cluster_of_another_major_version_is_refused_before_anything_is_fetched(
    place, playbook_variables
):
    done = place.playbook("restore", source="main", confirm="main", **playbook_variables)
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "is of PostgreSQL 16, which is not on this host; install postgresql-16" in text


def test_redis_comes_back_as_a_file_and_a_word_on_what_to_do(place):
    done = place.playbook("restore", source="queue", confirm="queue")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stop Redis" in " ".join(done.stdout.split())
    place.good("redis-check-rdb /var/lib/farol/backup/restored/queue/dump.rdb")
