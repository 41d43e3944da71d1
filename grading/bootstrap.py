"""Intervals by resampling persons.

A person's recordings resemble each other, so whole persons are drawn, with replacement and with all their
rows (cluster bootstrap: Davison and Hinkley 1997, Section 3.8). The interval is the percentile interval
(Efron and Tibshirani 1993, Section 13.3).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Lower and upper end, in the unit of the statistic; both nan where there is no interval."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)


def bootstrap(
    statistic: Callable[[Rows], float],
    persons: Sequence[str] | NDArray[np.generic],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of ``statistic``, the same for the same arguments.

    ``persons`` (n,) names the person of each row. ``statistic`` is called once per draw with the numbers of
    the rows drawn, in ascending order, repeated as often as their person was drawn; their count varies where
    persons have different numbers of rows.

    Draws for which the statistic is nan are left out. There is no interval (`NO_INTERVAL`) for fewer than two
    persons, who would always be drawn alike, or where more than half of the draws are left out.

    Raises ValueError unless ``persons`` has one dimension, ``draws`` is positive and ``level`` between 0
    and 1.
    """
    rows = np.arange(len(persons))

    def each(times: Floats) -> Floats:
        return np.array([statistic(np.repeat(rows, drawn.astype(np.intp))) for drawn in times])

    return bootstrap_weighted(each, persons, draws=draws, level=level, seed=seed)


def bootstrap_weighted(
    statistic: Callable[[Floats], Floats],
    persons: Sequence[str] | NDArray[np.generic],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """As `bootstrap`, for a statistic that takes all draws at once, which is many times faster.

    ``statistic`` is called once with how often each row is drawn, (draws, n), and gives (draws,).
    """
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"draws must be positive and level between 0 and 1, not {draws} and {level}")
    if np.ndim(persons) != 1:
        raise ValueError("persons must have one dimension: one person per row")
    names, person = np.unique(persons, return_inverse=True)
    if len(names) < 2:
        return NO_INTERVAL
    # how often each person is drawn: (draws, persons)
    times = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=draws
    )
    values = statistic(times[:, person].astype(np.float64))
    usable = values[~np.isnan(values)]
    if 2 * len(usable) < draws:
        return NO_INTERVAL
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
