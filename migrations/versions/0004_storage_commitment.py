"""Deliveries that wait for storage commitment"""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('delivery', sa.Column('transaction_uid', sa.String(length=64), nullable=True))
    op.create_index(op.f('ix_delivery_transaction_uid'), 'delivery', ['transaction_uid'])


def downgrade() -> None:
    op.drop_index(op.f('ix_delivery_transaction_uid'), table_name='delivery')
    op.drop_column('delivery', 'transaction_uid')
