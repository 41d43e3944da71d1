"""A phantom's scores are kept night after night, to see that grading stays the same."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "constancy_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("night", sa.Date(), nullable=True),
        sa.Column("asked_by", sa.String(128), nullable=False),
        sa.Column("asked_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("state", sa.String(32), server_default="waiting", nullable=False),
        sa.Column("bundle_hash", sa.String(64), nullable=True),
        sa.Column("scores", postgresql.JSONB(), nullable=True),
        sa.Column("environment", postgresql.JSONB(), nullable=True),
        sa.Column("compared", postgresql.JSONB(), nullable=True),
        sa.Column("code", sa.String(64), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("accepted_at", moment, nullable=True),
        sa.Column("accepted_by", sa.String(128), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("crashes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", moment, nullable=True),
        sa.Column("lease_owner", sa.String(64), nullable=True),
        sa.Column("lease_until", moment, nullable=True),
        sa.Column("enqueued_at", moment, nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'agrees', 'differs', 'failed')", name=op.f("ck_constancy_run_state")
        ),
        sa.CheckConstraint(
            "(state IN ('agrees', 'differs')) = (scores IS NOT NULL)", name=op.f("ck_constancy_run_scores")
        ),
        sa.CheckConstraint("(state = 'failed') = (code IS NOT NULL)", name=op.f("ck_constancy_run_code")),
        sa.CheckConstraint(
            "(state = 'waiting') = (finished_at IS NULL)", name=op.f("ck_constancy_run_finished")
        ),
        sa.CheckConstraint(
            "accepted_at IS NULL OR scores IS NOT NULL", name=op.f("ck_constancy_run_accepted")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_constancy_run")),
        sa.UniqueConstraint("night", name=op.f("uq_constancy_run_night")),
    )
    op.create_index(
        "ix_constancy_run_waiting", "constancy_run", ["id"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index("ix_constancy_run_bundle_hash_id", "constancy_run", ["bundle_hash", "id"])


def downgrade() -> None:
    op.drop_table("constancy_run")
