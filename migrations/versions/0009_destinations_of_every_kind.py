"""Deliveries that wait for sign-off or for their turn, and the health of destinations"""

from alembic import op
import sqlalchemy as sa

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

STATES = "state IN ('pending', 'delivered', 'failed')"
NEW_STATES = "state IN ('waiting', 'pending', 'delivered', 'failed')"


def upgrade() -> None:
    op.drop_constraint(op.f('ck_delivery_state'), 'delivery')
    op.create_check_constraint(op.f('ck_delivery_state'), 'delivery', NEW_STATES)
    op.add_column('delivery', sa.Column('order_key', sa.BigInteger(), nullable=True))
    op.add_column('delivery', sa.Column('retries', sa.BigInteger(), server_default='0', nullable=False))
    op.create_index(
        'ix_delivery_order',
        'delivery',
        ['destination', 'order_key', 'id'],
        postgresql_where=sa.text("state = 'pending' AND order_key IS NOT NULL"),
    )
    op.create_table(
        'circuit',
        sa.Column('destination', sa.String(length=64), nullable=False),
        sa.Column('failures', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('open_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('trial_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('answer', sa.String(), nullable=True),
        sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('destination', name=op.f('pk_circuit')),
    )


def downgrade() -> None:
    op.drop_table('circuit')
    op.drop_index('ix_delivery_order', table_name='delivery')
    op.drop_column('delivery', 'retries')
    op.drop_column('delivery', 'order_key')
    # What waits for a person's signature would go out at once under the older program.
    op.execute(
        "UPDATE delivery SET state = 'failed', answer = 'waited for sign-off' WHERE state = 'waiting'"
    )
    # Messages are unknown to the older program.
    op.execute(
        "DELETE FROM delivery USING report WHERE report_key = report.id AND kind IN ('oru', 'fhir')"
    )
    op.execute("DELETE FROM report WHERE kind IN ('oru', 'fhir')")
    op.drop_constraint(op.f('ck_delivery_state'), 'delivery')
    op.create_check_constraint(op.f('ck_delivery_state'), 'delivery', STATES)
