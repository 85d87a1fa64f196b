"""The web application: what is created at start, and which routes there are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket
from redis.asyncio import Redis

from app import database, errors, health, metrics, sentry, webhooks
from app.middleware import RequestMiddleware
from app.queue import queue
from app.settings import settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    sentry.start(settings())
    metrics.INFO.labels(settings().release).set(1)
    url = settings().redis_url.get_secret_value()
    async with database.create_pool(settings()) as pool, Redis.from_url(url, retry=None) as redis:
        app.state.pool, app.state.redis = pool, redis
        yield
    await queue.redis.aclose()


app = FastAPI(
    title=settings().app_name,
    version=settings().release,
    lifespan=lifespan,
    exception_handlers=errors.handlers,
)
app.add_middleware(RequestMiddleware)
app.include_router(health.router)
app.include_router(metrics.router)
app.include_router(webhooks.router)


@app.get("/")
async def root() -> dict[str, str]:
    return {"name": settings().app_name, "version": settings().release}


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)
