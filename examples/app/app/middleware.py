"""Around every request: its id, its line in the log, its place in the metrics."""

import logging
import re
from time import perf_counter
from uuid import uuid4

import sentry_sdk
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import request_id
from app.metrics import LATENCY, REQUESTS

log = logging.getLogger("app.access")
_TRUSTED_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
_QUIET = ("/health", "/metrics")


def choose_id(given: str | None) -> str:
    """The caller's id, unless it is missing or could forge a log line."""
    return given if given and _TRUSTED_ID.fullmatch(given) else uuid4().hex


class RequestMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)

        current = choose_id(Headers(scope=scope).get("x-request-id"))
        request_id.set(current)
        sentry_sdk.set_tag("request_id", current)
        status = 500 if scope["type"] == "http" else 101
        started = perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = current
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._record(scope, status, perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope.get("method", "WEBSOCKET")
        # The route's pattern, not the path: a scan must not make a time series per address.
        route = getattr(scope.get("route"), "path", "unmatched")
        REQUESTS.labels(method, route, status).inc()
        if scope["type"] == "http":
            LATENCY.labels(method, route).observe(seconds)
        level = logging.DEBUG if scope["path"].startswith(_QUIET) else logging.INFO
        log.log(
            level,
            "%s %s %s",
            method,
            scope["path"],
            status,
            extra={
                "method": method,
                "path": scope["path"],
                "status": status,
                "duration_ms": round(seconds * 1000, 1),
                "client": (scope.get("client") or [None])[0],
            },
        )
