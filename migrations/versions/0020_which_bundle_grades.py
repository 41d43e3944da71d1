"""Administrators choose the bundle that grades, and the choice is kept with who made it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bundle_activation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bundle_key", sa.BigInteger(), nullable=False),
        sa.Column("replaced_key", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column(
            "activated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(300), server_default="", nullable=False),
        sa.CheckConstraint("active = (ended_at IS NULL)", name=op.f("ck_bundle_activation_active")),
        sa.CheckConstraint("ended_at >= activated_at", name=op.f("ck_bundle_activation_order")),
        sa.CheckConstraint("bundle_key <> replaced_key", name=op.f("ck_bundle_activation_another")),
        sa.CheckConstraint(
            "actor_kind IN ('user', 'token', 'system')", name=op.f("ck_bundle_activation_actor_kind")
        ),
        sa.ForeignKeyConstraint(
            ["bundle_key"], ["bundle.id"], name=op.f("fk_bundle_activation_bundle_key_bundle")
        ),
        sa.ForeignKeyConstraint(
            ["replaced_key"], ["bundle.id"], name=op.f("fk_bundle_activation_replaced_key_bundle")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle_activation")),
    )
    op.create_index(
        "uq_bundle_activation_active",
        "bundle_activation",
        ["active"],
        unique=True,
        postgresql_where=sa.text("active"),
    )


def downgrade() -> None:
    op.drop_table("bundle_activation")
