"""Tables of items answered by choice: how often the answer is met, and which is taken for which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grading.crossvalidation import CrossValidation
from grading.evaluation.measures import Estimate, estimate, kappa_of_pairs
from grading.evaluation.outcomes import GROUPS, Outcomes, item_outcomes
from grading.evaluation.tables import INTERVALS, WORDS, Cell, Table
from grading.regression import Floats
from grading.scales import find_item


@dataclass(frozen=True)
class Answered:
    """How often the nearest answer to a prediction is the label.

    ``exact`` and ``near`` (the label or an answer next to it) are in %, ``median_exact`` is that of the
    constant median; ``kappa`` has quadratic weights. A figure that cannot be formed is nan.
    """

    exact: Estimate
    median_exact: float
    near: Estimate
    kappa: Estimate


def answered(outcomes: Outcomes, *, draws: int) -> Answered:
    """The figures of one item answered by choice."""
    given = nearest(outcomes, outcomes.predicted)
    places = [np.searchsorted(outcomes.answers, answers) for answers in (given, outcomes.labels)]
    steps = np.abs(places[0] - places[1])

    def kappa(times: Floats) -> Floats:
        return kappa_of_pairs(given, outcomes.labels, outcomes.answers, times)

    def share(met: Floats) -> Estimate:
        return estimate(lambda times: 100 * (times @ met) / times.sum(axis=1), outcomes.persons, draws)

    by_median = nearest(outcomes, outcomes.median) == outcomes.labels
    return Answered(
        share((steps == 0).astype(np.float64)),
        100 * float(by_median.mean()) if len(outcomes) else float("nan"),
        share((steps <= 1).astype(np.float64)),
        estimate(kappa, outcomes.persons, draws),
    )


def nearest(outcomes: Outcomes, scores: Floats) -> Floats:
    """The answer nearest to each score (k,)."""
    item = find_item(outcomes.id)
    return np.array([item.answer(float(score)) for score in scores])


def answer_table(validations: Sequence[CrossValidation], *, draws: int) -> Table:
    """How often each item answered by choice is met, per recipe and group; no rows where there is none."""
    rows: list[tuple[Cell, ...]] = []
    for validation in validations:
        for item in item_outcomes(validation):
            for group in GROUPS:
                outcomes = item.of(group)
                if not item.answers or not len(outcomes):
                    continue
                found = answered(outcomes, draws=draws)
                rows.append(
                    (
                        validation.recipe.name,
                        item.name,
                        WORDS[group],
                        len(outcomes),
                        found.exact,
                        found.median_exact,
                        found.near,
                        found.kappa,
                    )
                )
    return Table(
        "answers",
        "Answers met",
        (
            "Recipe",
            "Item",
            "Group",
            "Recordings",
            "Exact %",
            "By the median %",
            "Exact or next to it %",
            "Weighted kappa",
        ),
        tuple(rows),
        (
            "A prediction counts as the answer nearest to it, of two the worse; by the median is how often "
            "the constant median is the answer. Kappa has quadratic weights; there is none where all labels "
            f"are the same. {INTERVALS}",
        ),
    )


def confusion_table(validation: CrossValidation) -> Table:
    """Which answer is taken for which; no rows where no item is answered by choice."""
    items = [item for item in item_outcomes(validation) if item.answers]
    answers = sorted({answer for item in items for answer in item.answers})
    rows: list[tuple[Cell, ...]] = []
    for item in items:
        given = nearest(item, item.predicted)
        for label in item.answers:
            seen = given[item.labels == label]
            counts = (int((seen == one).sum()) if one in item.answers else None for one in answers)
            rows.append((item.name, f"{label:g}", len(seen), *counts))
    return Table(
        "confusion",
        f"Which answer is taken for which by the recipe {validation.recipe.name}",
        ("Item", "Label", "Recordings", *(f"predicted {answer:g}" for answer in answers)),
        tuple(rows),
        ("Counts of recordings, patients and healthy people together.",),
    )
