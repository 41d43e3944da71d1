"""Raters are given recordings to score, some twice; scores on which they differ are settled."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
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


def upgrade() -> None:
    op.add_column("annotation", sa.Column("repeat", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_annotation_repeat"), "annotation", "repeat IN (0, 1)")
    op.drop_constraint(op.f("uq_annotation_recording_key_rater_key_scale"), "annotation")
    op.create_unique_constraint(
        op.f("uq_annotation_recording_key_rater_key_scale_repeat"),
        "annotation",
        ["recording_key", "rater_key", "scale", "repeat"],
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rater_key", sa.BigInteger(), nullable=False),
        sa.Column("recording_key", sa.BigInteger(), nullable=False),
        sa.Column("repeat", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("scales", postgresql.JSONB(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(128), nullable=False),
        sa.Column(
            "given_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("repeat IN (0, 1)", name=op.f("ck_assignment_repeat")),
        sa.ForeignKeyConstraint(["rater_key"], ["rater.id"], name=op.f("fk_assignment_rater_key_rater")),
        sa.ForeignKeyConstraint(
            ["recording_key"], ["recording.id"], name=op.f("fk_assignment_recording_key_recording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "rater_key", "recording_key", "repeat", name=op.f("uq_assignment_rater_key_recording_key_repeat")
        ),
    )
    op.create_index(op.f("ix_assignment_recording_key"), "assignment", ["recording_key"])
    op.create_index("ix_assignment_place", "assignment", ["rater_key", "place", "id"])
    op.create_table(
        "settled_score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("recording_key", sa.BigInteger(), nullable=False),
        sa.Column("scale", sa.String(32), nullable=False),
        sa.Column("item", sa.String(8), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("settled_by", sa.String(128), nullable=False),
        sa.Column(
            "settled_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(_in_range(), name=op.f("ck_settled_score_in_range")),
        sa.ForeignKeyConstraint(
            ["recording_key"], ["recording.id"], name=op.f("fk_settled_score_recording_key_recording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settled_score")),
        sa.UniqueConstraint("recording_key", "item", name=op.f("uq_settled_score_recording_key_item")),
    )


def downgrade() -> None:
    op.drop_table("settled_score")
    op.drop_table("assignment")
    op.execute("DELETE FROM annotation WHERE repeat = 1")
    op.drop_constraint(op.f("uq_annotation_recording_key_rater_key_scale_repeat"), "annotation")
    op.create_unique_constraint(
        op.f("uq_annotation_recording_key_rater_key_scale"),
        "annotation",
        ["recording_key", "rater_key", "scale"],
    )
    op.drop_constraint(op.f("ck_annotation_repeat"), "annotation")
    op.drop_column("annotation", "repeat")


def _in_range() -> str:
    return " OR ".join(
        f"(scale = '{scale}' AND item = '{item}' AND value {within})"
        for scale, items in ANSWERS.items()
        for item, within in items.items()
    )
