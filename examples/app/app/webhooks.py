"""Take a webhook in, answer at once, leave the work to the worker."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Body, HTTPException, Path, Request

from app import database
from app.logs import request_id
from app.queue import queue

router = APIRouter(prefix="/webhooks")
Source = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,49}$")]


@router.post("/{source}", status_code=202)
async def receive(source: Source, payload: Annotated[Any, Body()]) -> dict[str, Any]:
    job_id = uuid4()
    async with asyncio.timeout(3):
        await queue.enqueue(
            "store_webhook",
            key=str(job_id),
            source=source,
            payload=payload,
            received_at=datetime.now(UTC).isoformat(),
            meta={"request_id": request_id.get()},
            retries=5,
            retry_delay=1,
            retry_backoff=True,
        )
    return {"job_id": job_id, "status": "queued", "request_id": request_id.get()}


@router.get("/jobs/{job_id}")
async def show(job_id: UUID, request: Request) -> dict[str, Any]:
    job = await database.find_job(request.app.state.pool, job_id)
    if job is None:
        raise HTTPException(404, "No such job, or not stored yet.")
    return job
