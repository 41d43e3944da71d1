"""The health page finds the attempts of the last day and the deliveries that did not arrive by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_stage_run_started_at", "stage_run", ["started_at"])
    where = sa.text("state <> 'delivered'")
    op.create_index("ix_delivery_open", "delivery", ["state", "destination"], postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_delivery_open", "delivery")
    op.drop_index("ix_stage_run_started_at", "stage_run")
