"""Run the migrations over the same driver and settings as the service."""

import asyncio
import logging.config

import asyncpg
from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from app import logs
from app.settings import settings


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    url = settings().database_url.get_secret_value()
    # The driver reads the address itself, as in the service: SQLAlchemy does not know sslmode.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


logging.config.dictConfig(logs.config(settings().log_level))
asyncio.run(main())
