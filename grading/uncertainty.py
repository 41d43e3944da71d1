"""How far a score may be from the truth: prediction intervals and the smallest change that is real.

Both come from the residuals of cross-validation on patients (Vovk 2015, cross-conformal prediction: the
quantile of the absolute residuals, each from a model that had not seen that person). Healthy people are left
out: their small residuals would make the intervals of patients too narrow.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.change import minimal_detectable_change
from grading.crossvalidation import CrossValidation
from grading.scales import DYNAMIC_ITEMS, STATIC_ITEMS, fold

LEVEL = 0.9
FEWEST = 10
"""Patients' recordings below which nothing is said."""
SUB_SCORES = {"static": STATIC_ITEMS, "dynamic": DYNAMIC_ITEMS}
"""The folded sub-scores by their id, and the items that each is the mean of."""


@dataclass(frozen=True)
class Uncertainty:
    """Of one item (its id) or folded sub-score (`static`, `dynamic`), all in points.

    ``half_width``: half of a 90 % prediction interval. ``coverage``: the share (0-1) of patients' recordings
    within it, each against the residuals of the other folds. ``mdc``: the minimal detectable change.
    ``recordings``: how many residuals they come from.
    """

    score: str
    half_width: float
    coverage: float
    mdc: float
    recordings: int


def measure(results: CrossValidation) -> tuple[Uncertainty, ...]:
    """The uncertainty of every item and folded sub-score that ten or more patients' recordings tell of."""
    healthy = results.healthy
    measured = []
    for item_id, result in results.items.items():
        patients = ~healthy[result.rows]
        residuals = (result.predicted - result.labels)[patients]
        measured.append(_measure(item_id, residuals, result.fold[patients]))
    for name, items in SUB_SCORES.items():
        if all(item.id in results.items for item in items):
            measured.append(_sub_score(name, [item.id for item in items], results))
    return tuple(one for one in measured if one is not None)


def interval(score: float, half_width: float, low: float, high: float) -> tuple[float, float]:
    """The prediction interval around a score, within its range."""
    return max(low, score - half_width), min(high, score + half_width)


def _sub_score(name: str, items: list[str], results: CrossValidation) -> Uncertainty | None:
    """A folded sub-score's, on the patients' recordings that have all of its items."""
    of_row: dict[int, list[tuple[float, int]]] = {}
    for item_id in items:
        result = results.items[item_id]
        for row, label, predicted, number in zip(
            result.rows, result.labels, result.predicted, result.fold, strict=True
        ):
            if not results.recordings[row].healthy:
                of_row.setdefault(int(row), []).append((fold(predicted) - fold(label), int(number)))
    whole = [parts for parts in of_row.values() if len(parts) == len(items)]
    residuals = np.array([sum(miss for miss, _ in parts) / len(parts) for parts in whole])
    return _measure(name, residuals, np.array([parts[0][1] for parts in whole], dtype=np.int_))


def _measure(name: str, residuals: NDArray[np.float64], fold_of: NDArray[np.int_]) -> Uncertainty | None:
    if len(residuals) < FEWEST:
        return None
    misses = np.abs(residuals)
    covered = misses <= cross_half_widths(misses, fold_of, fold_of)
    return Uncertainty(
        name,
        round(_quantile(misses), 2),
        round(float(covered.mean()), 4) if len(set(fold_of)) > 1 else math.nan,
        round(minimal_detectable_change(residuals), 2),
        len(residuals),
    )


def cross_half_widths(
    misses: NDArray[np.float64], fold_of: NDArray[np.int_], judged: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Half widths (m,) of the intervals of recordings in the folds ``judged`` (m,), in points.

    Each comes from the absolute residuals ``misses`` (n,) of the other folds, of ``fold_of`` (n,): no
    recording, and nobody of its person, has a part in its own. NaN where the other folds have none.
    """
    halves = {
        number: _quantile(others) if len(others := misses[fold_of != number]) else math.nan
        for number in np.unique(judged)
    }
    return np.array([halves[number] for number in judged])


def _quantile(misses: NDArray[np.float64]) -> float:
    """The conformal quantile: the k-th smallest of n, k = (n + 1) * 0.9 rounded up, the largest at most."""
    place = min(math.ceil((len(misses) + 1) * LEVEL), len(misses)) - 1
    return float(np.sort(misses)[place])


def by_score(uncertainties: tuple[Uncertainty, ...]) -> Mapping[str, Uncertainty]:
    """The uncertainties by the item or sub-score they belong to."""
    return {one.score: one for one in uncertainties}
