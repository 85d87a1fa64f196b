"""A dependency that does not answer is a 503 to try again later, not a 500."""

import logging
from typing import Any

from asyncpg import OperatorInterventionError, PostgresConnectionError
from fastapi import Request
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError

log = logging.getLogger("app.errors")


async def unavailable(request: Request, error: Exception) -> JSONResponse:
    log.error("a dependency does not answer", exc_info=error)
    return JSONResponse(
        {"detail": "A dependency does not answer; try again."}, 503, {"retry-after": "5"}
    )


handlers: dict[int | type[Exception], Any] = dict.fromkeys(
    (OSError, RedisError, PostgresConnectionError, OperatorInterventionError), unavailable
)
