"""Timepoints that photos state themselves; names and birth dates that differ from those on record."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recording", sa.Column("stated_days", sa.BigInteger(), nullable=True))
    op.create_table(
        "identity_note",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("patient_key", sa.BigInteger(), nullable=False),
        sa.Column("attribute", sa.String(length=16), nullable=False),
        sa.Column("sent", sa.String(length=324), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column(
            "noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["patient_key"],
            ["patient.id"],
            name=op.f("fk_identity_note_patient_key_patient"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_note")),
        sa.UniqueConstraint(
            "patient_key", "attribute", "sent", name=op.f("uq_identity_note_patient_key_attribute_sent")
        ),
    )


def downgrade() -> None:
    op.drop_table("identity_note")
    op.drop_column("recording", "stated_days")
