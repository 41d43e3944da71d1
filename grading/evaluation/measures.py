"""Figures of merit with their intervals, all resampled by person."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.agreement import icc_2_1
from grading.bootstrap import NO_INTERVAL, Interval, Rows, bootstrap
from grading.evaluation.outcomes import Group, Outcomes
from grading.regression import Floats


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
    ratings = np.column_stack([outcomes.predicted, outcomes.labels])

    def mae(rows: Rows) -> float:
        return mean(errors[rows])

    def below(rows: Rows) -> float:
        return 100 * (1 - _ratio(mean(errors[rows]), mean(median_errors[rows])))

    def icc(rows: Rows) -> float:
        # against labels that are all equal an ICC says nothing
        return icc_2_1(ratings[rows]) if len(rows) > 1 and np.ptp(ratings[rows, 1]) > 0 else math.nan

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
    errors, median_errors = (np.full((len(rows), len(items)), np.nan) for _ in range(2))
    persons = np.empty(len(rows), dtype=object)
    folds = np.empty(len(rows), dtype=np.int_)
    for column, item in enumerate(chosen):
        place = np.searchsorted(rows, item.rows)
        errors[place, column] = item.errors
        median_errors[place, column] = np.abs(item.median - item.labels)
        persons[place], folds[place] = item.persons, item.folds
    spans = np.array([item.span for item in items])

    def mae(drawn: Rows) -> float:
        return float(column_means(errors[drawn]).mean())

    def share(drawn: Rows) -> float:
        return float(100 * (column_means(errors[drawn]) / spans).mean())

    def each_below(drawn: Rows) -> Floats:
        ours, medians = column_means(errors[drawn]), column_means(median_errors[drawn])
        return np.array([100 * (1 - _ratio(*pair)) for pair in zip(ours, medians, strict=True)])

    def below(drawn: Rows) -> float:
        return float(each_below(drawn).mean())

    per_fold = np.array([mae(np.flatnonzero(folds == number)) for number in np.unique(folds)])
    owners = persons.astype(np.str_)
    return Average(
        len(rows),
        len(set(owners)),
        estimate(mae, owners, draws),
        sample_sd(column_means(errors)),
        sample_sd(per_fold[~np.isnan(per_fold)]),
        estimate(share, owners, draws),
        estimate(below, owners, draws),
        float(each_below(np.arange(len(rows))).min()),
    )


def estimate(figure: Callable[[Rows], float], persons: NDArray[np.str_], draws: int) -> Estimate:
    """A figure of all rows, and its interval by resampling persons; nan where there are no rows.

    With no ``draws`` there is no interval.
    """
    if not len(persons):
        return Estimate(math.nan)
    value = figure(np.arange(len(persons)))
    if math.isnan(value) or not draws:
        return Estimate(value)
    return Estimate(value, bootstrap(figure, persons, draws=draws))


def mean(values: Floats) -> float:
    """The mean, nan of nothing."""
    return float(values.mean()) if len(values) else math.nan


def sample_sd(values: Floats) -> float:
    """The sample standard deviation, nan of fewer than two."""
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def column_means(table: Floats) -> Floats:
    """Means of the columns of (n, m) over what is not nan; nan where a column has nothing."""
    with np.errstate(invalid="ignore"):
        means: Floats = np.nansum(table, axis=0) / (~np.isnan(table)).sum(axis=0)
    return means


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
