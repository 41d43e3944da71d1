"""What senders ask us to commit ourselves to is kept until they have been told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment, now = sa.DateTime(timezone=True), sa.text("clock_timestamp()")
    op.create_table(
        "commitment_question",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("calling_ae", sa.String(16), nullable=False),
        sa.Column("transaction_uid", sa.String(64), nullable=False),
        sa.Column("objects", postgresql.JSONB(), nullable=False),
        sa.Column("asked_at", moment, server_default=now, nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment_question")),
        sa.UniqueConstraint(
            "calling_ae", "transaction_uid", name=op.f("uq_commitment_question_calling_ae_transaction_uid")
        ),
    )
    op.create_index("ix_commitment_question_next_attempt_at", "commitment_question", ["next_attempt_at"])


def downgrade() -> None:
    op.drop_table("commitment_question")
