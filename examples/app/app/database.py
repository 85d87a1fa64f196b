"""PostgreSQL: the connection pool and every query the service makes."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.settings import Settings


async def _use_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


def create_pool(settings: Settings) -> asyncpg.Pool:
    # No connection up front: the service starts, and reports itself unready, without a database.
    return asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        min_size=0,
        max_size=10,
        timeout=2,
        command_timeout=30,
        init=_use_json,
    )


async def ping(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")


async def store_job(
    pool: asyncpg.Pool,
    job_id: UUID,
    source: str,
    payload: Any,
    request_id: str | None,
    received_at: datetime,
) -> None:
    # A job can run twice (its worker died after the INSERT); the row appears once.
    await pool.execute(
        "INSERT INTO webhook_jobs (id, source, payload, request_id, received_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
        job_id,
        source,
        payload,
        request_id,
        received_at,
    )


async def find_job(pool: asyncpg.Pool, job_id: UUID) -> dict[str, Any] | None:
    row = await pool.fetchrow(
        "SELECT id, source, payload, request_id, received_at, stored_at"
        " FROM webhook_jobs WHERE id = $1",
        job_id,
    )
    return dict(row) if row else None


async def store_heartbeat(pool: asyncpg.Pool, release: str) -> None:
    # Two releases overlap during a switch: one beat a minute all the same.
    await pool.execute(
        "INSERT INTO heartbeats (minute, release) VALUES (date_trunc('minute', now()), $1)"
        " ON CONFLICT (minute) DO NOTHING",
        release,
    )
    await pool.execute("DELETE FROM heartbeats WHERE minute < now() - interval '7 days'")
