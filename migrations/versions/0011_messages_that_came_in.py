"""HL7 v2 messages that were sent to us"""

from alembic import op
import sqlalchemy as sa

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'message',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column('sender', sa.String(length=200), nullable=False),
        sa.Column('control_id', sa.String(length=200), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('trigger', sa.String(length=16), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=True),
        sa.Column('state', sa.Enum('received', 'applied', 'left', 'refused', 'waiting', 'replaced', name='state', native_enum=False, create_constraint=True, length=16), nullable=False),
        sa.Column('answer_code', sa.String(length=2), nullable=True),
        sa.Column('answer', sa.LargeBinary(), nullable=True),
        sa.Column('words', sa.String(), server_default='', nullable=False),
        sa.Column('order_id', sa.String(length=200), server_default='', nullable=False),
        sa.Column('due_on', sa.Date(), nullable=True),
        sa.Column('patient_key', sa.BigInteger(), nullable=True),
        sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
        sa.ForeignKeyConstraint(['patient_key'], ['patient.id'], name=op.f('fk_message_patient_key_patient'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_message')),
        sa.UniqueConstraint('sender', 'control_id', 'digest', name=op.f('uq_message_sender_control_id_digest')),
    )
    op.create_index(
        'ix_message_open', 'message', ['state'], postgresql_where=sa.text("state IN ('received', 'waiting')")
    )


def downgrade() -> None:
    op.drop_index('ix_message_open', table_name='message')
    op.drop_table('message')
