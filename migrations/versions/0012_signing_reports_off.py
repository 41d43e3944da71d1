"""Who signed a grading's report off, and which version a document is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OF_KIND = "uq_report_grading_key_kind"
OF_VERSION = "uq_report_grading_key_kind_version"


def upgrade() -> None:
    op.create_table(
        "sign_off",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("grading_key", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.String(length=200), nullable=False),
        sa.Column("comment", sa.String(), server_default="", nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("signed_by <> ''", name=op.f("ck_sign_off_signed_by_given")),
        sa.ForeignKeyConstraint(["grading_key"], ["grading.id"], name=op.f("fk_sign_off_grading_key_grading")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_off")),
        sa.UniqueConstraint("grading_key", name=op.f("uq_sign_off_grading_key")),
    )
    op.add_column("report", sa.Column("version", sa.String(length=8), server_default="draft", nullable=False))
    op.add_column("report", sa.Column("style", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_check_constraint(op.f("ck_report_version"), "report", "version IN ('draft', 'final')")
    op.drop_constraint(op.f(OF_KIND), "report")
    op.create_unique_constraint(op.f(OF_VERSION), "report", ["grading_key", "kind", "version"])


def downgrade() -> None:
    # One document of a kind is all that the tables of before can hold: the final versions go.
    final = "(SELECT id FROM report WHERE version = 'final')"
    op.execute(f"DELETE FROM delivery WHERE report_key IN {final}")
    op.execute("DELETE FROM report WHERE version = 'final'")
    op.drop_constraint(op.f(OF_VERSION), "report")
    op.create_unique_constraint(op.f(OF_KIND), "report", ["grading_key", "kind"])
    op.drop_constraint(op.f("ck_report_version"), "report")
    op.drop_column("report", "style")
    op.drop_column("report", "version")
    op.drop_table("sign_off")
