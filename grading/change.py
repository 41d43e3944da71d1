"""Whether a change between two visits is more than measurement error.

No minimal detectable change of eFACE has been published, so a model's own is computed from the errors it
made on persons it was not trained on.
"""

import math
from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grading.scales import BALANCED, Item, ScoreError

_NORMAL_95 = 1.96


def minimal_detectable_change(
    residuals: ArrayLike, persons: Sequence[str] | NDArray[np.generic] | None = None
) -> float:
    """The change, in points, that measurement error alone exceeds in 5 % of pairs: 1.96 √2 SD.

    ``residuals`` (n,) are predicted minus given scores out of cross-validation, in points of one item or
    sub-score. Their standard deviation stands for the standard error of measurement; a constant bias of the
    model cancels between visits and does not count. ``persons`` (n,) names the person of each residual: then
    every person weighs the same, however many recordings they have.

    The errors of a person's two visits are taken as independent. That is cautious: an error that the model
    makes about one face every time cancels between its visits, so the true limit is rather smaller.

    Source: 1.96 √2 SEM (2.77 SEM), as in Bland and Altman 1986 (repeatability) and Weir 2005.

    Raises ValueError for fewer than two residuals or persons, unequal lengths and values that are not finite.
    """
    errors = np.asarray(residuals, dtype=np.float64)
    if errors.ndim != 1 or not np.isfinite(errors).all():
        raise ValueError("residuals must be finite and have one dimension")
    owners = np.arange(len(errors)) if persons is None else np.asarray(persons)
    if owners.shape != errors.shape:
        raise ValueError(f"{owners.shape} persons do not fit {errors.shape} residuals")
    names, person, recordings = np.unique(owners, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError("residuals of two or more recordings and persons are needed")
    weights = 1 / (len(names) * recordings[person])
    mean = weights @ errors
    # the divisor makes the weighted variance unbiased; with one recording a person it is the usual n - 1
    variance = weights @ (errors - mean) ** 2 / (1 - weights @ weights)
    return float(_NORMAL_95 * math.sqrt(2 * variance))


class Verdict(Enum):
    """What can be said of a change between two visits, in the words that a person reads."""

    IMPROVED = "improved"
    WORSE = "worse"
    WITHIN_ERROR = "within measurement error"
    OTHER_SIDE = "changed to the other side of balanced"
    """More than measurement error, yet not surely nearer to balanced or further from it: 60 to 140."""
    UNKNOWN = "not known"
    """The minimal detectable change is not known."""


def verdict(before: float, after: float, mdc: float | None, item: Item | None = None) -> Verdict:
    """Judge the change of a score between two visits, both graded by the same bundle or rater.

    ``before`` and ``after`` are in points of ``item``, unfolded; without an item they are a folded sub-score
    (0-100, 100 normal). A change is an improvement where the distance from the normal score shrinks by more
    than ``mdc``. For items of 0-200 that is the change of the folded score, so 60 to 140 improves nothing.
    The distance changes by no more than the score does, so that ``mdc`` of the unfolded score is cautious.
    A change of exactly ``mdc`` is within measurement error.

    ``mdc`` is None where it was never measured; the verdict then is `Verdict.UNKNOWN`, whatever the scores.

    Raises `ScoreError` for a score outside its range, ValueError for an ``mdc`` that is negative or not
    finite.
    """
    low, high, normal = (item.low, item.high, item.normal) if item else (0.0, BALANCED, BALANCED)
    if not (low <= before <= high and low <= after <= high):
        raise ScoreError(f"{item.id if item else 'a sub-score'} must be between {low:g} and {high:g}")
    if mdc is None:
        return Verdict.UNKNOWN
    if not 0 <= mdc < math.inf:
        raise ValueError(f"mdc must be finite and not negative, not {mdc}")
    if abs(after - before) <= mdc:
        return Verdict.WITHIN_ERROR
    gain = abs(before - normal) - abs(after - normal)
    if abs(gain) > mdc:
        return Verdict.IMPROVED if gain > 0 else Verdict.WORSE
    crossed = min(before, after) < normal < max(before, after)
    return Verdict.OTHER_SIDE if crossed else Verdict.WITHIN_ERROR
