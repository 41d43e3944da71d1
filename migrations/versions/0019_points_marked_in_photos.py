"""Points that people mark in photos, to measure by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "landmarks",
        sa.Column("photo_key", sa.BigInteger(), nullable=False),
        sa.Column("points", postgresql.JSONB(), nullable=False),
        sa.Column("marked_by", sa.String(128), nullable=False),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["photo_key"], ["photo.id"], name=op.f("fk_landmarks_photo_key_photo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("photo_key", name=op.f("pk_landmarks")),
    )


def downgrade() -> None:
    op.drop_table("landmarks")
