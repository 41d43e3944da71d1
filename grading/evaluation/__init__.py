"""Cross-validation as tables: how wrong a recipe is, beside honest baselines and the paper's figures.

`evaluate` runs it, `all_tables` makes its tables, `markdown_page` joins them. `docs/evaluating.md` says what
each table means.
"""

from grading.evaluation.agreeing import agreement_table, consensus_table, rater_line, weight_table
from grading.evaluation.all_tables import all_tables
from grading.evaluation.answers import answer_table
from grading.evaluation.outcomes import Group, Outcomes, item_outcomes, sub_score_outcomes
from grading.evaluation.page import data_line, markdown_page
from grading.evaluation.running import Evaluation, EvaluationError, Model, choose_models, evaluate
from grading.evaluation.tables import Table, tables_as_json

__all__ = [
    "Evaluation",
    "EvaluationError",
    "Group",
    "Model",
    "Outcomes",
    "Table",
    "agreement_table",
    "all_tables",
    "answer_table",
    "choose_models",
    "consensus_table",
    "data_line",
    "evaluate",
    "item_outcomes",
    "markdown_page",
    "rater_line",
    "sub_score_outcomes",
    "tables_as_json",
    "weight_table",
]
