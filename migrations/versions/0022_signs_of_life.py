"""Processes of the service leave signs of life, with what they are doing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment, now = sa.DateTime(timezone=True), sa.text("clock_timestamp()")
    op.create_table(
        "process",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("host", sa.String(64), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("queues", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("started_at", moment, server_default=now, nullable=False),
        sa.Column("seen_at", moment, server_default=now, nullable=False),
        sa.Column("task", sa.String(64), nullable=True),
        sa.Column("row_id", sa.BigInteger(), nullable=True),
        sa.Column("busy_since", moment, nullable=True),
        sa.CheckConstraint("kind IN ('worker', 'receiver', 'clock')", name=op.f("ck_process_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
        sa.UniqueConstraint("kind", "host", "pid", name=op.f("uq_process_kind_host_pid")),
    )


def downgrade() -> None:
    op.drop_table("process")
