"""The archive is graded by another bundle, behind live work."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "regrading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bundle_hash", sa.String(64), nullable=False),
        sa.Column("bundle_name", sa.String(140), nullable=False),
        sa.Column("bundle_path", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('running', 'paused', 'finished')", name=op.f("ck_regrading_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regrading")),
    )
    op.create_index(
        "uq_regrading_open",
        "regrading",
        ["bundle_hash"],
        unique=True,
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )
    op.create_table(
        "regrading_task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("regrading_key", sa.BigInteger(), nullable=False),
        sa.Column("recording_key", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(32), server_default="waiting", nullable=False),
        sa.Column("code", sa.String(64), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("crashes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name=op.f("ck_regrading_task_state")),
        sa.ForeignKeyConstraint(
            ["regrading_key"],
            ["regrading.id"],
            name=op.f("fk_regrading_task_regrading_key_regrading"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["recording_key"],
            ["recording.id"],
            name=op.f("fk_regrading_task_recording_key_recording"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regrading_task")),
        sa.UniqueConstraint(
            "regrading_key", "recording_key", name=op.f("uq_regrading_task_regrading_key_recording_key")
        ),
    )
    op.create_index(
        op.f("ix_regrading_task_recording_key"), "regrading_task", ["recording_key"]
    )
    op.create_index(
        "ix_regrading_task_waiting",
        "regrading_task",
        ["regrading_key", "id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_table("regrading_task")
    op.drop_table("regrading")
