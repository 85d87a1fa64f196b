"""Webhook jobs and heartbeats."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    timestamp = sa.DateTime(timezone=True)
    op.create_table(
        "webhook_jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("received_at", timestamp, nullable=False),
        sa.Column("stored_at", timestamp, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "heartbeats",
        sa.Column("minute", timestamp, primary_key=True),
        sa.Column("release", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("heartbeats")
    op.drop_table("webhook_jobs")
