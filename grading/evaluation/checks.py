"""Tables that ask whether the scores can be trusted in use: healthy people, the affected side, change."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from grading.brows import BrowDistances
from grading.change import minimal_detectable_change
from grading.crossvalidation import CrossValidation
from grading.evaluation.measures import average, mean, percentage, sample_sd
from grading.evaluation.outcomes import Outcomes, item_outcomes, sub_score_outcomes
from grading.evaluation.tables import INTERVALS, Cell, Table
from grading.paper_results import BROW_DIFFERENCE, HEALTHY_ERROR, ITEM_ERRORS


def control_table(validations: Sequence[CrossValidation], *, draws: int) -> Table | None:
    """The control study: healthy people's errors (the paper's Section 5.3); None without any."""
    if not validations[0].healthy.any():
        return None
    rows: list[tuple[Cell, ...]] = []
    of_paper = set(validations[0].items) == set(ITEM_ERRORS)
    for validation in validations:
        items = item_outcomes(validation)
        found = average(items, "healthy", draws=draws)
        rows.append((validation.recipe.name, found.recordings, found.persons, found.mae, found.share))
    if of_paper:
        rows.append(("paper as published (its own healthy people)", None, 28, HEALTHY_ERROR, None))
    return Table(
        "control",
        "Control study: healthy people",
        ("Recipe", "Recordings", "Persons", "MAE", "Share of range %"),
        tuple(rows),
        (
            "Mean over the items of the distance from the labels of healthy people, which are normal."
            f"{' Our goal is an MAE of at most 8.' if of_paper else ''} {INTERVALS}",
        ),
    )


def brow_table(brows: Sequence[BrowDistances | None]) -> Table | None:
    """How much the brow-pupil distances of healthy people differ between the sides; None without any."""
    if not brows:
        return None
    differences = np.array([found.difference for found in brows if found])
    return Table(
        "brows",
        "How asymmetric healthy brows are",
        ("Source", "Rest photos", "Measured in", "Mean difference %", "SD"),
        (
            ("this cohort", len(brows), len(differences), mean(differences), sample_sd(differences)),
            ("paper as published", None, None, BROW_DIFFERENCE.mean, BROW_DIFFERENCE.sd),
        ),
        (
            "The distance from the middle between the corners of an eye up to the darkest ridge above it, in "
            "the level view of the rest photo; the difference of both sides in % of their mean. Photos with "
            "no clear ridge, or with two, are not measured. SD is over photos. What the paper's % refers "
            "to is not known (provisional).",
        ),
    )


def side_table(validations: Sequence[CrossValidation], *, draws: int) -> Table | None:
    """How often the affected side is told right, and what it costs to estimate it; None where none asks."""
    rows: list[tuple[Cell, ...]] = []
    for validation in validations:
        side = validation.side
        if side is None or not len(side.rows):
            continue
        items = item_outcomes(validation)
        both = [
            average(kind, "patients", draws=draws).share
            for kind in (items, [item.by_estimate() for item in items])
        ]
        told = percentage((side.score > 0) == side.left, validation.persons[side.rows], draws)
        rows.append((validation.recipe.name, len(side.rows), told, *both))
    if not rows:
        return None
    return Table(
        "side",
        "The affected side",
        (
            "Recipe",
            "Recordings",
            "Told right %",
            "Share of range, side from the record %",
            "Share of range, side estimated %",
        ),
        tuple(rows),
        (f"Patients; shares of range are means over the items. A coin tells 50 % right. {INTERVALS}",),
    )


def change_table(validations: Sequence[CrossValidation], *, draws: int) -> Table:
    """How often a change between two recordings of one patient is predicted in the right direction."""
    rows: list[tuple[Cell, ...]] = []
    for validation in validations:
        folded = [item.folded() for item in item_outcomes(validation)]
        for outcomes in (*sub_score_outcomes(validation), *folded):
            rows += _change_row(validation.recipe.name, outcomes.of("patients"), draws)
    return Table(
        "change",
        "Sign of change",
        (
            "Recipe",
            "Score, folded",
            "MDC",
            "Pairs",
            "Right sign %",
            "Pairs beyond the MDC",
            "Right sign beyond it %",
        ),
        tuple(rows),
        (
            "All pairs of recordings of one patient whose true score changed. MDC, in points: the minimal "
            "detectable change, 1.96 √2 times the SD of the patients' errors, each person weighing the same. "
            f"Our goal beyond it is 85 %. {INTERVALS}",
        ),
    )


def _change_row(recipe: str, patients: Outcomes, draws: int) -> list[tuple[Cell, ...]]:
    """The row of one score; none where fewer than two persons have it."""
    if len(set(patients.persons)) < 2:
        return []
    mdc = minimal_detectable_change(patients.predicted - patients.labels, patients.persons)
    first, second = _pairs(patients)
    truth = patients.labels[second] - patients.labels[first]
    told = patients.predicted[second] - patients.predicted[first]
    name = patients.name.removesuffix(", folded")
    row: list[Cell] = [recipe, name, mdc]
    for counted in (truth != 0, np.abs(truth) > mdc):
        right = np.sign(told[counted]) == np.sign(truth[counted])
        row += [int(counted.sum()), percentage(right, patients.persons[first[counted]], draws)]
    return [tuple(row)]


def _pairs(outcomes: Outcomes) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Every two recordings of one subject, in the order of their sessions' names."""
    found = [
        pair
        for subject in np.unique(outcomes.subjects)
        for pair in combinations(
            sorted(np.flatnonzero(outcomes.subjects == subject), key=lambda row: outcomes.sessions[row]), 2
        )
    ]
    pairs = np.array(found, dtype=np.int_).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
