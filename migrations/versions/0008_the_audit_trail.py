"""The audit trail: rows that are only ever added."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "happened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("patient_key", sa.BigInteger(), nullable=True),
        sa.Column("recording_key", sa.BigInteger(), nullable=True),
        sa.Column("document_key", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('user', 'token', 'system')", name=op.f("ck_audit_event_actor_kind")
        ),
        sa.CheckConstraint("outcome IN (0, 4, 8, 12)", name=op.f("ck_audit_event_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_happened_at"), "audit_event", ["happened_at"])
    op.create_index("ix_audit_event_patient_key_id", "audit_event", ["patient_key", "id"])
    op.create_index("ix_audit_event_recording_key_id", "audit_event", ["recording_key", "id"])
    op.create_index("ix_audit_event_actor_id", "audit_event", ["actor", "id"])
    op.execute(
        """
        CREATE FUNCTION audit_event_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit trail is only added to: % refused', TG_OP
                USING ERRCODE = 'insufficient_privilege';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_only_added_to()
        """
    )


def downgrade() -> None:
    op.drop_table("audit_event")
    op.execute("DROP FUNCTION audit_event_is_only_added_to()")
