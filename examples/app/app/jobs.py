"""What the worker does and what the scheduler asks of it.

saq --quiet app.jobs.worker
saq --quiet app.jobs.scheduler
"""

import logging
import logging.config
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import saq.types
import sentry_sdk
from saq import CronJob

from app import database, logs, sentry
from app.queue import queue
from app.settings import settings

log = logging.getLogger("app.jobs")


class Context(saq.types.Context):
    pool: asyncpg.Pool


async def store_webhook(context: Context, *, source: str, payload: Any, received_at: str) -> None:
    job = context["job"]
    await database.store_job(
        context["pool"],
        UUID(job.key),
        source,
        payload,
        job.meta.get("request_id"),
        datetime.fromisoformat(received_at),
    )
    log.info("webhook stored", extra={"job_id": job.key, "source": source})


async def heartbeat(context: Context) -> None:
    await database.store_heartbeat(context["pool"], settings().release)
    log.info("heartbeat")


async def start(context: Context) -> None:
    logging.config.dictConfig(logs.config(settings().log_level))
    sentry.start(settings())
    context["pool"] = await database.create_pool(settings())
    log.info("started", extra={"release": settings().release})


async def stop(context: Context) -> None:
    await context["pool"].close()
    log.info("stopped")


async def carry_request_id(context: Context) -> None:
    current = context["job"].meta.get("request_id")
    logs.request_id.set(current)
    sentry_sdk.get_isolation_scope().set_tag("request_id", current)


async def report_failure(context: Context) -> None:
    if error := context.get("exception"):
        job = context["job"]
        log.error(
            "%s failed",
            job.function,
            exc_info=error,
            extra={"job_id": job.key, "attempt": job.attempts, "attempts": job.retries},
        )


_common = {"queue": queue, "startup": start, "shutdown": stop}

# A stop cancels running jobs at once and puts them back on the queue; jobs may run twice.
worker = _common | {
    "functions": [store_webhook, heartbeat],
    "before_process": carry_request_id,
    "after_process": report_failure,
    "concurrency": 10,
}

# Enqueues only. Jobs are unique by name, so a second scheduler does no harm.
scheduler = _common | {
    "functions": [],
    "cron_jobs": [CronJob(heartbeat, cron="* * * * *")],
    "concurrency": 0,
}
