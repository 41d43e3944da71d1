"""Videos and earlier reports that are kept with their patient."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_object",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("patient_key", sa.BigInteger(), nullable=True),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("header", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=True),
        sa.Column("calling_ae", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_received", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('video', 'document')", name=op.f("ck_kept_object_kind")),
        sa.ForeignKeyConstraint(
            ["patient_key"], ["patient.id"], name=op.f("fk_kept_object_patient_key_patient")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_object")),
        sa.UniqueConstraint("sop_instance_uid", name=op.f("uq_kept_object_sop_instance_uid")),
    )
    op.create_index(op.f("ix_kept_object_patient_key"), "kept_object", ["patient_key"])
    op.create_index(op.f("ix_kept_object_study_uid"), "kept_object", ["study_uid"])


def downgrade() -> None:
    op.drop_index(op.f("ix_kept_object_study_uid"), table_name="kept_object")
    op.drop_index(op.f("ix_kept_object_patient_key"), table_name="kept_object")
    op.drop_table("kept_object")
