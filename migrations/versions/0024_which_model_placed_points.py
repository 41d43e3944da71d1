"""Points of photos: which model placed them, under which licence, which stayed there, and whose they are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # what is there was placed by the only finders that there were; which points were moved is not known
    op.add_column("landmarks", sa.Column("model", sa.String(64), nullable=True))
    op.add_column("landmarks", sa.Column("licence", sa.String(200), nullable=True))
    op.add_column("landmarks", sa.Column("automatic", postgresql.JSONB(), nullable=True))
    op.execute(
        "UPDATE landmarks SET model = 'Facialis’s own finders, with dlib’s five points',"
        " licence = 'Apache-2.0; the five points CC0', automatic = '[]'"
    )
    for column in ("model", "licence", "automatic"):
        op.alter_column("landmarks", column, nullable=False)
    op.add_column("landmarks", sa.Column("assignment", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_constraint("pk_landmarks", "landmarks")
    op.create_primary_key("pk_landmarks", "landmarks", ["photo_key", "assignment"])


def downgrade() -> None:
    op.execute("DELETE FROM landmarks WHERE assignment <> 0")
    op.drop_constraint("pk_landmarks", "landmarks")
    op.create_primary_key("pk_landmarks", "landmarks", ["photo_key"])
    op.drop_column("landmarks", "assignment")
    for column in ("automatic", "licence", "model"):
        op.drop_column("landmarks", column)
