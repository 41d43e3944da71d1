"""The latest arrival of each patient, and indexes by which look-ups stay quick among a million recordings."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TRIGRAMS = """
CREATE FUNCTION facialis_trigrams(value text, other text DEFAULT '') RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(low, place, 3)), '{}')
    FROM lower(btrim(value || ' ' || other)) AS low, generate_series(1, length(low) - 2) AS place
$$
"""
"""Every three letters in a row: what pg_trgm does, which is not everywhere and needs a superuser."""


def upgrade() -> None:
    op.add_column("patient", sa.Column("last_arrival_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE patient SET last_arrival_at = latest.at FROM (SELECT patient_key, max(last_received_at) AS at "
        "FROM recording GROUP BY patient_key) AS latest WHERE latest.patient_key = patient.id"
    )
    op.create_index(
        "ix_patient_last_arrival", "patient", [sa.text("last_arrival_at DESC NULLS LAST"), sa.text("id DESC")]
    )
    op.execute(TRIGRAMS)
    op.create_index(
        "ix_patient_trigrams",
        "patient",
        [sa.text("facialis_trigrams(name, patient_id)")],
        postgresql_using="gin",
    )
    op.create_index(
        "ix_patient_identifier_trigrams",
        "patient_identifier",
        [sa.text("facialis_trigrams(value)")],
        postgresql_using="gin",
    )
    op.create_index("ix_surgery_procedure", "surgery", [sa.text("lower(procedure)")])
    op.create_index(op.f("ix_recording_surgery_key"), "recording", ["surgery_key"])
    op.create_index(
        "ix_recording_attention",
        "recording",
        ["state_changed_at", "id"],
        postgresql_where=sa.text("state = 'needs_attention'"),
    )
    op.create_index(
        "ix_recording_unidentified",
        "recording",
        ["last_received_at"],
        postgresql_where=sa.text("patient_key IS NULL"),
    )
    op.create_index(
        "ix_delivery_pending", "delivery", ["id"], postgresql_where=sa.text("state = 'pending'")
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_pending", table_name="delivery")
    op.drop_index("ix_recording_unidentified", table_name="recording")
    op.drop_index("ix_recording_attention", table_name="recording")
    op.drop_index(op.f("ix_recording_surgery_key"), table_name="recording")
    op.drop_index("ix_surgery_procedure", table_name="surgery")
    op.drop_index("ix_patient_identifier_trigrams", table_name="patient_identifier")
    op.drop_index("ix_patient_trigrams", table_name="patient")
    op.execute("DROP FUNCTION facialis_trigrams(text, text)")
    op.drop_index("ix_patient_last_arrival", table_name="patient")
    op.drop_column("patient", "last_arrival_at")
