"""Intervals of scores; the assumed side and the novelty of a grading"""

from alembic import op
import sqlalchemy as sa


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('grading', sa.Column('side', sa.String(length=1), nullable=True))
    op.add_column('grading', sa.Column('novelty', sa.Double(), nullable=True))
    op.create_check_constraint(op.f('ck_grading_side'), 'grading', "side IN ('L', 'R')")
    op.create_check_constraint(op.f('ck_grading_novelty'), 'grading', 'novelty >= 0')
    for table in ('item_score', 'sub_score'):
        op.add_column(table, sa.Column('low', sa.Double(), nullable=True))
        op.add_column(table, sa.Column('high', sa.Double(), nullable=True))
        op.create_check_constraint(
            op.f(f'ck_{table}_interval'), table, '(low IS NULL) = (high IS NULL) AND low <= value AND value <= high'
        )


def downgrade() -> None:
    for table in ('item_score', 'sub_score'):
        op.drop_constraint(op.f(f'ck_{table}_interval'), table)
        op.drop_column(table, 'high')
        op.drop_column(table, 'low')
    op.drop_constraint(op.f('ck_grading_novelty'), 'grading')
    op.drop_constraint(op.f('ck_grading_side'), 'grading')
    op.drop_column('grading', 'novelty')
    op.drop_column('grading', 'side')
