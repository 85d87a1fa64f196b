"""Is the process alive, can it serve, and how are the things it depends on?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

from fastapi import APIRouter, Request, Response

from app import database
from app.settings import settings

Check = dict[str, Any]
Probe = Callable[[], Awaitable[Any]]

router = APIRouter(prefix="/health")


async def check(probe: Probe, timeout: float) -> Check:
    """Run one probe; an error is named by its type alone, since its text may hold an address."""
    started = perf_counter()
    result: Check = {"status": "ok"}
    try:
        async with asyncio.timeout(timeout):
            await probe()
    except Exception as error:
        result = {"status": "unhealthy", "error": type(error).__name__}
    return result | {"response_time_ms": round((perf_counter() - started) * 1000, 1)}


async def check_all(probes: Mapping[str, Probe], timeout: float = 2) -> dict[str, Check]:
    results = await asyncio.gather(*(check(probe, timeout) for probe in probes.values()))
    return dict(zip(probes, results, strict=True))


def overall(checks: Mapping[str, Check]) -> str:
    return "ok" if all(each["status"] == "ok" for each in checks.values()) else "unhealthy"


async def _dependencies(request: Request, response: Response) -> dict[str, Check]:
    state = request.app.state
    checks = await check_all(
        {"postgresql": partial(database.ping, state.pool), "redis": state.redis.ping}
    )
    if overall(checks) != "ok":
        response.status_code = 503
    return checks


@router.get("")
@router.get("/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request, response: Response) -> dict[str, str]:
    return {"status": overall(await _dependencies(request, response))}


@router.get("/detailed")
async def detailed(request: Request, response: Response) -> dict[str, Any]:
    checks = await _dependencies(request, response)
    return {"status": overall(checks), "version": settings().release, "checks": checks}
