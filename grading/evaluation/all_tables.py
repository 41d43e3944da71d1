"""Every table of an evaluation, in the order in which they are read."""

from grading.evaluation.accuracy import average_table, item_tables, recipe_table, sub_score_table
from grading.evaluation.answers import answer_table, confusion_table
from grading.evaluation.checks import brow_table, change_table, control_table, side_table
from grading.evaluation.comparison import backbone_table, deal_table, item_model_table, layer_table
from grading.evaluation.coverage import coverage_table
from grading.evaluation.running import Evaluation
from grading.evaluation.tables import Table


def all_tables(evaluation: Evaluation, *, draws: int = 1000) -> tuple[Table, ...]:
    """All tables; ``draws`` resamplings of persons give each interval.

    Tables with no rows are left out, and so are columns in which no row has anything.
    """
    main = evaluation.main
    tables = [
        recipe_table(main, draws=draws),
        average_table(main, draws=draws),
        answer_table(main, draws=draws),
        confusion_table(main[-1]),
        sub_score_table(main, draws=draws),
        *(table for validation in main for table in item_tables(validation, draws=draws)),
        layer_table(evaluation, draws=draws),
        item_model_table(evaluation),
        backbone_table(evaluation, draws=draws),
        deal_table(evaluation.deals),
        control_table(main, draws=draws),
        brow_table(evaluation.brows),
        coverage_table(main, draws=draws),
        side_table(main, draws=draws),
        change_table(main, draws=draws),
    ]
    return tuple(table.filled() for table in tables if table is not None and table.rows)
