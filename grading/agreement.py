"""How far raters agree with each other, or a method with its reference.

The functions take scores without gaps: a target that not every rater scored is left out by the caller, who
then knows how many remain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grading.bootstrap import NO_INTERVAL, Interval, Rows, bootstrap

Floats = NDArray[np.float64]

_POWER = {"linear": 1, "quadratic": 2}
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class _MeanSquares:
    """Of a two-way analysis of variance without replication: ``n`` targets by ``k`` raters."""

    targets: float
    raters: float
    residual: float
    n: int
    k: int


def icc_2_1(ratings: ArrayLike) -> float:
    """Intraclass correlation of a single rating: two-way random effects, absolute agreement.

    ``ratings`` (n, k): n targets, each scored by the same k raters. The result is at most 1, and negative
    where a target's ratings differ more than those of different targets. It is nan where there is nothing to
    divide by: all ratings are equal, or two raters gave two targets each other's scores.

    Source: Shrout and Fleiss 1979, ICC(2,1); McGraw and Wong 1996, ICC(A,1).

    Raises ValueError for fewer than two targets or raters and for values that are not finite.
    """
    ms = _mean_squares(ratings)
    rest = (ms.k - 1) * ms.residual + ms.k * (ms.raters - ms.residual) / ms.n
    return _ratio(ms.targets - ms.residual, ms.targets + rest)


def icc_2_k(ratings: ArrayLike) -> float:
    """Intraclass correlation of the mean of all k ratings: two-way random effects, absolute agreement.

    As `icc_2_1`. It is also nan where the estimated variance of the means is not positive, which happens only
    where raters do not agree at all.

    Source: Shrout and Fleiss 1979, ICC(2,k); McGraw and Wong 1996, ICC(A,k).
    """
    ms = _mean_squares(ratings)
    return _ratio(ms.targets - ms.residual, ms.targets + (ms.raters - ms.residual) / ms.n)


def weighted_kappa(
    a: ArrayLike,
    b: ArrayLike,
    categories: Sequence[float],
    weights: Literal["linear", "quadratic"] = "quadratic",
) -> float:
    """Agreement of two raters on ordered categories beyond chance, at most 1.

    ``a`` and ``b`` (n,) hold values out of ``categories``, which are given in their order. A disagreement
    weighs the number of steps between the two categories, or its square. It is nan where both raters used one
    and the same category throughout.

    Source: Cohen 1968.

    Raises ValueError where the lengths differ or are zero, or a value is none of the categories.
    """
    first, second = _positions(a, categories), _positions(b, categories)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(f"a and b must be of one length and not empty, not {first.shape} and {second.shape}")
    power = _POWER[weights]
    count = len(categories)
    place = np.arange(count)
    cost = np.abs(place[:, None] - place).astype(np.float64) ** power
    by_chance = np.bincount(first, minlength=count) @ cost @ np.bincount(second, minlength=count)
    observed = cost[first, second].mean()
    return 1 - _ratio(float(observed), float(by_chance) / len(first) ** 2)


def fleiss_kappa(ratings: ArrayLike, categories: Sequence[float]) -> float:
    """Agreement of several raters on unordered categories beyond chance, at most 1.

    ``ratings`` (n, k) hold values out of ``categories``. Only how often a target received each category
    counts, so the k raters of one target need not be those of another. It is nan where one category was used
    throughout.

    Source: Fleiss 1971.

    Raises ValueError for no targets, fewer than two raters, or a value that is none of the categories.
    """
    place = _positions(ratings, categories)
    if place.ndim != 2 or place.shape[0] < 1 or place.shape[1] < 2:
        raise ValueError(f"ratings must be (targets, two or more raters), not {place.shape}")
    raters = place.shape[1]
    counts = (place[:, :, None] == np.arange(len(categories))).sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))
    by_chance = float(((counts.sum(axis=0) / place.size) ** 2).sum())
    return _ratio(float(agreeing.mean()) - by_chance, 1 - by_chance)


@dataclass(frozen=True)
class LimitsOfAgreement:
    """Mean difference, and the limits between which 95 % of normal differences lie, in points."""

    bias: float
    low: float
    high: float


def bland_altman(a: ArrayLike, b: ArrayLike) -> LimitsOfAgreement:
    """Bias and 95 % limits of agreement of ``a - b``, both (n,) in points: mean ± 1.96 SD.

    Source: Bland and Altman 1986, who round 1.96 to 2.

    Raises ValueError for fewer than two pairs, unequal lengths and values that are not finite.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise ValueError(f"a and b must be two or more pairs, not {first.shape} and {second.shape}")
    difference = first - second
    if not np.isfinite(difference).all():
        raise ValueError("a or b holds a missing value: leave that pair out")
    bias = float(difference.mean())
    margin = _NORMAL_95 * float(difference.std(ddof=1))
    return LimitsOfAgreement(bias, bias - margin, bias + margin)


@dataclass(frozen=True)
class Agreement:
    """How far ``raters`` agree on the scores of ``recordings``.

    ``icc`` is ICC(2,1) with its 95 % ``interval``, ``difference`` the mean absolute difference of two raters
    in points. On categories, ``weighted_kappa`` is the mean over all pairs of raters of the quadratic one
    (as Light 1971 extends the plain one) with its 95 % ``kappa_interval``, and ``fleiss_kappa`` takes the
    categories as unordered, as it is published for House-Brackmann; ``exact`` is the share (0-1) of pairs of
    raters who gave the same answer. All are None otherwise. A figure that cannot be formed is nan.
    """

    recordings: int
    raters: int
    icc: float
    interval: Interval
    difference: float
    weighted_kappa: float | None = None
    kappa_interval: Interval | None = None
    fleiss_kappa: float | None = None
    exact: float | None = None


def rater_agreement(
    ratings: ArrayLike,
    persons: Sequence[str],
    categories: Sequence[float] | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Agreement:
    """All figures of agreement between the raters of one item.

    ``ratings`` (n, k) in points, ``persons`` (n,) whom the interval resamples ``draws`` times, ``categories``
    the points that can be given, in order, where the item is answered by choice.

    Raises ValueError where the shapes do not agree, and as the single figures do.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or len(table) != len(persons):
        raise ValueError(f"{len(persons)} persons do not fit ratings {table.shape}")
    recordings, raters = table.shape
    icc, interval = math.nan, NO_INTERVAL
    if recordings > 1 and raters > 1:

        def resampled(rows: Rows) -> float:
            return icc_2_1(table[rows])

        icc, interval = icc_2_1(table), bootstrap(resampled, persons, draws=draws, seed=seed)
    if not recordings or raters < 2:
        nothing = (math.nan, NO_INTERVAL, math.nan, math.nan) if categories else ()
        return Agreement(recordings, raters, icc, interval, math.nan, *nothing)
    pairs = [(table[:, one], table[:, other]) for one, other in combinations(range(raters), 2)]
    difference = float(np.mean([np.abs(one - other) for one, other in pairs]))
    if not categories:
        return Agreement(recordings, raters, icc, interval, difference)

    def mean_kappa(rows: Rows) -> float:
        return float(np.mean([weighted_kappa(one[rows], other[rows], categories) for one, other in pairs]))

    return Agreement(
        recordings,
        raters,
        icc,
        interval,
        difference,
        mean_kappa(np.arange(recordings)),
        bootstrap(mean_kappa, persons, draws=draws, seed=seed),
        fleiss_kappa(table, categories),
        float(np.mean([one == other for one, other in pairs])),
    )


def _mean_squares(ratings: ArrayLike) -> _MeanSquares:
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"ratings must be two or more targets by two or more raters, not {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("ratings hold a missing value: leave out targets that not every rater scored")
    n, k = table.shape
    # from one of the ratings, so that equal ratings give exactly zero
    table = table - table[0, 0]
    mean = table.mean()
    targets, raters = table.mean(axis=1) - mean, table.mean(axis=0) - mean
    residual = table - mean - targets[:, None] - raters
    return _MeanSquares(
        targets=float(k * (targets**2).sum() / (n - 1)),
        raters=float(n * (raters**2).sum() / (k - 1)),
        residual=float((residual**2).sum() / ((n - 1) * (k - 1))),
        n=n,
        k=k,
    )


def _positions(values: ArrayLike, categories: Sequence[float]) -> NDArray[np.intp]:
    """The place of each value among the categories, in the shape of ``values``."""
    if len(set(categories)) < len(categories):
        raise ValueError("a category is named twice")
    same = np.asarray(values, dtype=np.float64)[..., None] == np.asarray(categories, dtype=np.float64)
    if not same.any(axis=-1).all():
        raise ValueError("a value is none of the categories, or missing: leave that target out")
    return np.asarray(same.argmax(axis=-1))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
