"""Figures of merit with their intervals, all resampled by person.

A figure is a function of how often each row counts, (draws, n), and gives one value per draw, so that all
draws of a bootstrap are one product of matrices.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.bootstrap import NO_INTERVAL, Interval, bootstrap_weighted
from grading.evaluation.outcomes import Group, Outcomes
from grading.regression import Floats

Figure = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Estimate:
    """A figure and its bootstrap 95 % interval; nan where it cannot be formed."""

    value: float
    interval: Interval = NO_INTERVAL

    def scaled(self, factor: float) -> "Estimate":
        """The same in another unit."""
        return Estimate(
            self.value * factor, Interval(self.interval.low * factor, self.interval.high * factor)
        )


@dataclass(frozen=True)
class Measures:
    """How good the scores of one item or sub-score are in one group.

    ``mae``, ``sd`` (sample standard deviation of the absolute errors over recordings) and ``median_mae`` (of
    the constant median) are in points, ``share`` (the error as a share of the item's own range) and ``below``
    (how far it lies below the constant median's error) in %, ``icc`` is ICC(2,1) of prediction and label.
    """

    recordings: int
    persons: int
    mae: Estimate
    sd: float
    median_mae: float
    share: Estimate
    below: Estimate
    icc: Estimate


@dataclass(frozen=True)
class Average:
    """The mean over items, each of which weighs the same.

    ``mae`` and both standard deviations are in points: ``sd_items`` is the sample one of the items' errors
    (what the paper prints), ``sd_folds`` that of the folds' mean errors. ``share`` divides each item by its
    own range and ``below`` is the mean share by which items lie below their constant median, ``least_below``
    the smallest of them; all in %.
    """

    recordings: int
    persons: int
    mae: Estimate
    sd_items: float
    sd_folds: float
    share: Estimate
    below: Estimate
    least_below: float


def measure(outcomes: Outcomes, *, draws: int) -> Measures:
    """The figures of one item or sub-score; nan where there are too few recordings or they are all equal."""
    errors, median_errors = outcomes.errors, np.abs(outcomes.median - outcomes.labels)

    def mae(times: Floats) -> Floats:
        return _divide(times @ errors, times.sum(axis=1))

    def below(times: Floats) -> Floats:
        return 100 * (1 - _divide(times @ errors, times @ median_errors))

    def icc(times: Floats) -> Floats:
        return icc_of_pairs(outcomes.predicted, outcomes.labels, times)

    found = [estimate(figure, outcomes.persons, draws) for figure in (mae, below, icc)]
    return Measures(
        len(outcomes),
        len(set(outcomes.persons)),
        found[0],
        sample_sd(errors),
        mean(median_errors),
        found[0].scaled(100 / outcomes.span),
        found[1],
        found[2],
    )


def average(items: Sequence[Outcomes], group: Group, *, draws: int) -> Average:
    """The mean over items in one group; an item counts with the recordings that it has."""
    chosen = [item.of(group) for item in items]
    rows = np.unique(np.concatenate([item.rows for item in chosen]))
    errors, median_errors, known = (np.zeros((len(rows), len(items))) for _ in range(3))
    persons = np.empty(len(rows), dtype=object)
    folds = np.empty(len(rows), dtype=np.int_)
    for column, item in enumerate(chosen):
        place = np.searchsorted(rows, item.rows)
        errors[place, column] = item.errors
        median_errors[place, column] = np.abs(item.median - item.labels)
        known[place, column] = 1
        persons[place], folds[place] = item.persons, item.folds
    spans = np.array([item.span for item in items])

    def each(times: Floats) -> Floats:
        return _divide(times @ errors, times @ known)

    def mae(times: Floats) -> Floats:
        return np.asarray(each(times).mean(axis=1))

    def share(times: Floats) -> Floats:
        return np.asarray(100 * (each(times) / spans).mean(axis=1))

    def each_below(times: Floats) -> Floats:
        return 100 * (1 - _divide(times @ errors, times @ median_errors))

    def below(times: Floats) -> Floats:
        return np.asarray(each_below(times).mean(axis=1))

    once = np.ones((1, len(rows)))
    per_fold = mae((folds == np.unique(folds)[:, None]).astype(np.float64))
    owners = persons.astype(np.str_)
    return Average(
        len(rows),
        len(set(owners)),
        estimate(mae, owners, draws),
        sample_sd(each(once)[0]),
        sample_sd(per_fold[~np.isnan(per_fold)]),
        estimate(share, owners, draws),
        estimate(below, owners, draws),
        float(each_below(once).min()),
    )


def estimate(figure: Figure, persons: NDArray[np.str_], draws: int) -> Estimate:
    """A figure of all rows, and its interval by resampling persons; nan where there are no rows.

    With no ``draws`` there is no interval.
    """
    if not len(persons):
        return Estimate(math.nan)
    value = float(figure(np.ones((1, len(persons))))[0])
    if math.isnan(value) or not draws:
        return Estimate(value)
    return Estimate(value, bootstrap_weighted(figure, persons, draws=draws))


def percentage(held: NDArray[np.bool_], persons: NDArray[np.str_], draws: int) -> Estimate:
    """How often something held (n,), in %."""

    def share(times: Floats) -> Floats:
        return np.asarray(100 * (times @ held) / times.sum(axis=1))

    return estimate(share, persons, draws)


def icc_of_pairs(predicted: Floats, labels: Floats, times: Floats) -> Floats:
    """ICC(2,1) of predictions and labels (n,), which count ``times`` (draws, n): `icc_2_1` of each draw.

    Against labels that are all equal an ICC says nothing: nan.
    """
    count = times.sum(axis=1)
    centre, difference = (predicted + labels) / 2, predicted - labels
    targets = 2 * _variance(centre, times)
    residual = _variance(difference, times) / 2
    raters = count * _divide(times @ difference, count) ** 2 / 2
    icc = _divide(targets - residual, targets + residual + 2 * (raters - residual) / count)
    return np.where(_variance(labels, times) > 1e-9, icc, math.nan)


def kappa_of_pairs(predicted: Floats, labels: Floats, answers: Sequence[float], times: Floats) -> Floats:
    """Quadratic weighted kappa of answers given and predicted (n,): `weighted_kappa` of each draw."""
    place = np.arange(len(answers))
    cost = (place[:, None] - place).astype(np.float64) ** 2
    one, other = (np.searchsorted(answers, values) for values in (predicted, labels))
    chance = ((times @ np.eye(len(answers))[one]) @ cost * (times @ np.eye(len(answers))[other])).sum(axis=1)
    return 1 - _divide(times @ cost[one, other] * times.sum(axis=1), chance)


def _variance(values: Floats, times: Floats) -> Floats:
    """The sample variance of each draw; nan of fewer than two."""
    count = times.sum(axis=1)
    # from the middle of all, so that squares stay small
    values = values - mean(values)
    return _divide(times @ values**2 - _divide(times @ values, count) ** 2 * count, count - 1)


def mean(values: Floats) -> float:
    """The mean, nan of nothing."""
    return float(values.mean()) if len(values) else math.nan


def sample_sd(values: Floats) -> float:
    """The sample standard deviation, nan of fewer than two."""
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _divide(part: Floats, whole: Floats) -> Floats:
    """Element by element, nan where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full_like(part, math.nan), where=whole > 0)
