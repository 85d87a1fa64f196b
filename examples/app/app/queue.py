"""The job queue in Redis, seen from the side that fills it."""

from redis.asyncio import Redis
from saq.queue.redis import RedisQueue

from app.settings import settings

queue = RedisQueue(
    Redis.from_url(
        settings().redis_url.get_secret_value(), socket_connect_timeout=2, health_check_interval=30
    ),
    name="default",
)
