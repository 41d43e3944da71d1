"""Further identifiers, events, raters' annotations, timepoints around every surgery, what corrections replaced."""

import datetime as dt

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ANSWERS = {
    "eface": {
        **dict.fromkeys(("R1", "R2", "R3", "R4", "R5", "M5", "M6"), "BETWEEN 0 AND 200"),
        **dict.fromkeys(("M1", "M2", "M3", "M4", "M7", "S1", "S2", "S3", "S4"), "BETWEEN 0 AND 100"),
    },
    "house-brackmann": dict.fromkeys(("HB", "HBF", "HBE", "HBC", "HBM"), "IN (1, 2, 3, 4, 5, 6)"),
    "sunnybrook": {
        "SBR1": "IN (0, 1)",
        "SBR2": "IN (0, 1, 2)",
        "SBR3": "IN (0, 1)",
        **dict.fromkeys(("SBV1", "SBV2", "SBV3", "SBV4", "SBV5"), "IN (1, 2, 3, 4, 5)"),
        **dict.fromkeys(("SBS1", "SBS2", "SBS3", "SBS4", "SBS5"), "IN (0, 1, 2, 3)"),
    },
    "stennert": dict.fromkeys(("T1", "T2", "T3", "T4", "B1", "B2", "B3", "B4", "B5", "B6"), "IN (0, 1)"),
}
TABLES = ("annotation_score", "annotation", "rater", "timepoint", "change", "event", "patient_identifier")


def key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def row_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def text(name: str, length: int | None = None, *, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(length), server_default=default, nullable=False)


def moment(name: str, default: str = "now()") -> sa.Column[dt.datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text(default), nullable=False)


def belongs(table: str, column: str, other: str, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    op.add_column("patient", sa.Column("death_date", sa.Date(), nullable=True))
    op.add_column("surgery", text("surgeon", 200))
    op.add_column("surgery", text("note"))
    op.create_table(
        "patient_identifier",
        row_id(),
        key("patient_key"),
        text("value", 64, default=None),
        text("issuer", 64),
        moment("created_at"),
        sa.CheckConstraint("value <> ''", name=op.f("ck_patient_identifier_value_given")),
        belongs("patient_identifier", "patient_key", "patient"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_identifier")),
        sa.UniqueConstraint("value", "issuer", name=op.f("uq_patient_identifier_value_issuer")),
    )
    op.create_index(op.f("ix_patient_identifier_patient_key"), "patient_identifier", ["patient_key"])
    op.create_table(
        "event",
        row_id(),
        key("patient_key"),
        sa.Column("happened_on", sa.Date(), nullable=False),
        text("kind", 32, default=None),
        text("side", 1),
        text("note"),
        moment("created_at"),
        sa.CheckConstraint(
            "kind IN ('botulinum toxin', 'lid weight', 'training', 'revision', 'other')",
            name=op.f("ck_event_kind"),
        ),
        sa.CheckConstraint("side IN ('', 'L', 'R', 'B')", name=op.f("ck_event_side")),
        belongs("event", "patient_key", "patient"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "patient_key",
            "happened_on",
            "kind",
            "side",
            name=op.f("uq_event_patient_key_happened_on_kind_side"),
        ),
    )
    op.create_table(
        "change",
        row_id(),
        key("patient_key"),
        moment("made_at", "clock_timestamp()"),
        text("made_by", 100),
        text("action", 16, default=None),
        text("subject", 16, default=None),
        key("subject_id"),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("action IN ('corrected', 'deleted', 'merged')", name=op.f("ck_change_action")),
        belongs("change", "patient_key", "patient"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index(op.f("ix_change_patient_key"), "change", ["patient_key"])
    _timepoints()
    _annotations()


def _timepoints() -> None:
    op.create_table(
        "timepoint",
        key("recording_key"),
        key("surgery_key"),
        key("days"),
        belongs("timepoint", "recording_key", "recording"),
        belongs("timepoint", "surgery_key", "surgery"),
        sa.PrimaryKeyConstraint("recording_key", "surgery_key", name=op.f("pk_timepoint")),
    )
    op.create_index("ix_timepoint_surgery_key", "timepoint", ["surgery_key", "days"])
    op.execute(
        "INSERT INTO timepoint (recording_key, surgery_key, days) "
        "SELECT recording.id, surgery.id, "
        "recording.days_from_surgery + (anchor.performed_on - surgery.performed_on) "
        "FROM recording JOIN surgery ON surgery.patient_key = recording.patient_key "
        "JOIN surgery AS anchor ON anchor.id = recording.surgery_key "
        "WHERE recording.days_from_surgery IS NOT NULL"
    )


def _annotations() -> None:
    op.create_table(
        "rater",
        row_id(),
        text("name", 100, default=None),
        moment("created_at"),
        sa.CheckConstraint("name <> ''", name=op.f("ck_rater_name_given")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rater")),
        sa.UniqueConstraint("name", name=op.f("uq_rater_name")),
    )
    scales = ", ".join(f"'{scale}'" for scale in ANSWERS)
    op.create_table(
        "annotation",
        row_id(),
        key("recording_key"),
        key("rater_key"),
        text("scale", 32, default=None),
        text("note"),
        moment("rated_at", "clock_timestamp()"),
        sa.CheckConstraint(f"scale IN ({scales})", name=op.f("ck_annotation_scale")),
        belongs("annotation", "recording_key", "recording", None),
        belongs("annotation", "rater_key", "rater", None),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint(
            "recording_key", "rater_key", "scale", name=op.f("uq_annotation_recording_key_rater_key_scale")
        ),
        sa.UniqueConstraint("id", "scale", name=op.f("uq_annotation_id_scale")),
    )
    op.create_index(op.f("ix_annotation_rater_key"), "annotation", ["rater_key"])
    allowed = " OR ".join(
        f"(scale = '{scale}' AND item = '{item}' AND value {within})"
        for scale, items in ANSWERS.items()
        for item, within in items.items()
    )
    op.create_table(
        "annotation_score",
        row_id(),
        key("annotation_key"),
        text("scale", 32, default=None),
        text("item", 8, default=None),
        sa.Column("value", sa.Double(), nullable=False),
        sa.CheckConstraint(allowed, name=op.f("ck_annotation_score_in_range")),
        sa.ForeignKeyConstraint(
            ["annotation_key", "scale"],
            ["annotation.id", "annotation.scale"],
            name=op.f("fk_annotation_score_annotation_key_annotation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_score")),
        sa.UniqueConstraint(
            "annotation_key", "item", name=op.f("uq_annotation_score_annotation_key_item")
        ),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("surgery", "note")
    op.drop_column("surgery", "surgeon")
    op.drop_column("patient", "death_date")
