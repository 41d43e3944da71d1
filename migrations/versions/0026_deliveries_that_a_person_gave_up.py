"""A delivery that failed can be given up by a person."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATES = "state IN ('waiting', 'pending', 'delivered', 'failed')"
NEW_STATES = "state IN ('waiting', 'pending', 'delivered', 'failed', 'dropped')"


def upgrade() -> None:
    _allow(NEW_STATES)


def downgrade() -> None:
    op.execute("UPDATE delivery SET state = 'failed' WHERE state = 'dropped'")
    _allow(STATES)


def _allow(states: str) -> None:
    op.drop_constraint(op.f("ck_delivery_state"), "delivery")
    op.create_check_constraint(op.f("ck_delivery_state"), "delivery", states)
