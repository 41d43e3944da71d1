"""Where the parts of a grading's scores lie, and where the eyes of a photo are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("grading", sa.Column("maps_key", sa.String(length=200), nullable=True))
    op.add_column("photo", sa.Column("eyes", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("photo", "eyes")
    op.drop_column("grading", "maps_key")
