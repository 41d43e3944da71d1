"""Whether the prediction intervals hold what they promise, and how wide they are."""

from collections.abc import Sequence

import numpy as np

from grading.crossvalidation import CrossValidation
from grading.evaluation.measures import mean, percentage
from grading.evaluation.outcomes import Outcomes, item_outcomes, sub_score_outcomes
from grading.evaluation.tables import INTERVALS, Cell, Table
from grading.regression import Floats
from grading.uncertainty import FEWEST, LEVEL, cross_half_widths


def coverage_table(validations: Sequence[CrossValidation], *, draws: int) -> Table:
    """How many scores lie within their intervals, per recipe and score that enough patients have."""
    rows = [
        (validation.recipe.name, *_row(outcomes, draws))
        for validation in validations
        for outcomes in (*item_outcomes(validation), *sub_score_outcomes(validation))
        if len(outcomes.of("patients")) >= FEWEST
    ]
    return Table(
        "coverage",
        "Prediction intervals",
        (
            "Recipe",
            "Score",
            "Recordings",
            "Mean width",
            "Mean width %",
            "Covered %",
            "Covered with the side estimated %",
            "Healthy covered %",
        ),
        tuple(rows),
        (
            f"Intervals are made to hold {LEVEL:.0%} of the patients' scores, the side taken from the "
            "record. Here each recording is judged by the errors on patients of the other folds; a bundle "
            "takes those of all folds, and widens the interval of a recording unlike the training data. "
            "Widths are in points, after cutting to the range, and in % of it. "
            f"Our goal is 85-95 % of the patients on every item. {INTERVALS}",
        ),
    )


def _row(outcomes: Outcomes, draws: int) -> tuple[Cell, ...]:
    patients, healthy = outcomes.of("patients"), outcomes.of("healthy")
    half = _half_widths(outcomes, patients)
    low, high = (np.clip(patients.predicted + sign * half, outcomes.low, outcomes.high) for sign in (-1, 1))
    width = mean(high - low)
    return (
        outcomes.name,
        len(patients),
        width,
        100 * width / outcomes.span,
        percentage(patients.errors <= half, patients.persons, draws),
        percentage(patients.by_estimate().errors <= half, patients.persons, draws),
        percentage(healthy.errors <= _half_widths(outcomes, healthy), healthy.persons, draws),
    )


def _half_widths(outcomes: Outcomes, judged: Outcomes) -> Floats:
    patients = outcomes.of("patients")
    return cross_half_widths(patients.errors, patients.folds, judged.folds)
