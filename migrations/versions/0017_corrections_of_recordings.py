"""What clinicians correct about a recording, and lists by state and day that stay quick."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SIDE = "ck_recording_affected_side"
INDEXES: tuple[tuple[str, str, list[str | sa.TextClause]], ...] = (
    ("ix_recording_state_changed", "recording", ["state", sa.text("state_changed_at DESC"), sa.text("id DESC")]),
    ("ix_recording_recorded", "recording", ["recorded_at"]),
    ("ix_patient_birth_date", "patient", ["birth_date"]),
    ("ix_surgery_performed_on", "surgery", ["performed_on"]),
)


def upgrade() -> None:
    op.add_column("photo", sa.Column("settled_pose", sa.String(length=16), nullable=True))
    op.add_column("photo", sa.Column("excluded", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("recording", sa.Column("affected_side", sa.String(length=1), nullable=True))
    op.create_check_constraint(op.f(SIDE), "recording", "affected_side IN ('L', 'R')")
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
    op.drop_constraint(op.f(SIDE), "recording")
    op.drop_column("recording", "affected_side")
    op.drop_column("photo", "excluded")
    op.drop_column("photo", "settled_pose")
