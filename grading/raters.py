"""Several raters: the labels that follow from their annotations, and how far they agree.

docs/raters.md explains the choices made here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grading.agreement import Agreement, rater_agreement
from grading.annotations import Annotation, AnnotationError
from grading.scales import SCALES, derived, find_item

Floats = NDArray[np.float64]

Weighting = Literal["equal", "estimated"] | Mapping[str, float]
"""How much each rater counts: all alike, by how they differ, or as given, by rater."""

PRIOR_RECORDINGS = 20
"""A rater's own variance counts as much as that of all raters once they graded this many recordings."""


@dataclass(frozen=True)
class Consensus:
    """What the raters of one recording say together.

    ``labels`` are in points by item id. ``spread`` is the difference between the highest and the lowest
    score: a wide one should be looked at again, the more so as scores on opposite sides of balanced combine
    to balanced.
    """

    subject: str
    session: str
    labels: Mapping[str, float]
    spread: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class _Grid:
    """One score: ``scores`` (recordings, raters), nan where a rater did not score a recording."""

    recordings: tuple[tuple[str, str], ...]
    raters: tuple[str, ...]
    scores: Floats


def combine(annotations: Sequence[Annotation], weights: Weighting = "equal") -> tuple[Consensus, ...]:
    """One label per recording and item: the mean of its raters' scores, by their weights.

    ``weights`` are ``equal``, ``estimated`` from how the raters differ (`estimated_weights`), or given by
    rater, such as years of experience; only their ratios matter. Where an item is answered by choice, the
    label is the answer nearest to the mean, of two the one further from normal.

    Recordings come in the order of their first annotation, also those without any score.

    Raises `AnnotationError` where a given weight is missing or not a positive number, ValueError where a
    rater annotated a recording twice.
    """
    labels: dict[tuple[str, str], dict[str, float]] = {(one.subject, one.session): {} for one in annotations}
    spread: dict[tuple[str, str], dict[str, float]] = {recording: {} for recording in labels}
    if isinstance(weights, Mapping):
        _check_weights(weights, {one.rater for one in annotations})
    for item_id, grid in _item_grids(annotations).items():
        if weights == "equal":
            shares = np.ones(len(grid.raters))
        elif weights == "estimated":
            shares = 1 / _variances(grid.scores)
        else:
            shares = np.array([weights[rater] for rater in grid.raters], dtype=np.float64)
        low, high = np.nanmin(grid.scores, axis=1), np.nanmax(grid.scores, axis=1)
        means = np.nansum(grid.scores * shares, axis=1) / (~np.isnan(grid.scores) @ shares)
        # rounding must not carry a mean out of the range of what it is the mean of
        means = np.clip(means, low, high)
        for recording, mean, width in zip(grid.recordings, means, high - low, strict=True):
            labels[recording][item_id] = find_item(item_id).answer(float(mean))
            spread[recording][item_id] = float(width)
    return tuple(Consensus(*recording, labels[recording], spread[recording]) for recording in labels)


def estimated_weights(annotations: Sequence[Annotation]) -> dict[str, dict[str, float]]:
    """The share of each rater, by item id and rater, for recordings that all raters of an item scored.

    A share is proportional to the inverse of the rater's error variance. Two raters with independent errors
    differ with the sum of their variances, so three or more raters determine each one's (Grubbs 1948): by
    least squares, a pair weighing as much as the recordings it shares, and as near to equal variances as
    these allow, so that two raters stay equal. Each variance is then drawn towards the common one as if
    `PRIOR_RECORDINGS` had been graded with that (Smyth 2004): nobody takes all the weight by chance.

    A rater's constant offset counts as no error, and is not removed: nobody knows who is right.

    Raises ValueError where a rater annotated a recording twice.
    """
    shares = {}
    for item_id, grid in _item_grids(annotations).items():
        weights = 1 / _variances(grid.scores)
        shares[item_id] = dict(zip(grid.raters, (weights / weights.sum()).tolist(), strict=True))
    return shares


def agreement(
    annotations: Sequence[Annotation],
    *,
    persons: Mapping[str, str] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Agreement]:
    """How far the raters agree, by the id of each item that has a score, in the order of the scales.

    Only recordings that every rater of the item scored count; to see more recordings, leave out the
    annotations of a rater who scored few. ``persons`` names the person of each subject where several subjects
    share one; the intervals resample persons, ``draws`` times.

    Raises ValueError where a rater annotated a recording twice.
    """
    return {
        item_id: _agreement(grid, find_item(item_id).answers, persons or {}, draws, seed)
        for item_id, grid in _item_grids(annotations).items()
    }


def derived_agreement(
    annotations: Sequence[Annotation],
    *,
    persons: Mapping[str, str] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[tuple[str, str], Agreement]:
    """As `agreement`, on the scores derived from several items, by the ids of formula and score.

    An annotation counts where it scores all items of the derived score.
    """
    given: dict[tuple[str, str], dict[tuple[str, str], dict[str, float]]] = {}
    for one in annotations:
        for scale in SCALES.values():
            scores = {item: score for item, score in one.scores.items() if item in scale.by_id}
            parts = {(rule.formula.id, rule.id): len(rule.weights) for rule in scale.rules}
            for score in derived(scale, scores):
                key = (score.formula, score.id)
                if parts[key] > 1:
                    given.setdefault(key, {}).setdefault((one.subject, one.session), {})[one.rater] = (
                        score.value
                    )
    return {key: _agreement(_grid(given[key]), (), persons or {}, draws, seed) for key in given}


def _agreement(
    grid: _Grid, answers: Sequence[float], persons: Mapping[str, str], draws: int, seed: int
) -> Agreement:
    complete = ~np.isnan(grid.scores).any(axis=1)
    subjects = [grid.recordings[row][0] for row in np.flatnonzero(complete)]
    owners = [persons.get(subject, subject) for subject in subjects]
    return rater_agreement(grid.scores[complete], owners, answers or None, draws=draws, seed=seed)


def _item_grids(annotations: Sequence[Annotation]) -> dict[str, _Grid]:
    """The scores of each item that has any, by its id, in the order of the scales."""
    by_item: dict[str, dict[tuple[str, str], dict[str, float]]] = {}
    seen = set()
    for one in annotations:
        recording = (one.subject, one.session)
        if (recording, one.rater) in seen:
            raise ValueError("a rater annotated a recording twice: keep one annotation")
        seen.add((recording, one.rater))
        for item_id, score in one.scores.items():
            by_item.setdefault(item_id, {}).setdefault(recording, {})[one.rater] = score
    return {
        item.id: _grid(by_item[item.id])
        for scale in SCALES.values()
        for item in scale.items
        if item.id in by_item
    }


def _grid(scores: Mapping[tuple[str, str], Mapping[str, float]]) -> _Grid:
    raters = tuple(sorted({rater for given in scores.values() for rater in given}))
    table = [[given.get(rater, math.nan) for rater in raters] for given in scores.values()]
    return _Grid(tuple(scores), raters, np.array(table))


def _variances(scores: Floats) -> Floats:
    """The error variance of each rater (`estimated_weights`); 1 for all where no two ever differed."""
    there = ~np.isnan(scores)
    raters = scores.shape[1]
    terms, sums, shared = [], [], []
    for one, other in combinations(range(raters), 2):
        both = there[:, one] & there[:, other]
        if both.sum() > 1:
            terms.append([float(rater in (one, other)) for rater in range(raters)])
            sums.append(np.var(scores[both, one] - scores[both, other], ddof=1))
            shared.append(both.sum() - 1)
    if not any(sums):
        return np.ones(raters)
    common = np.average(sums, weights=shared) / 2
    root = np.sqrt(shared)
    deviation, *_ = np.linalg.lstsq(root[:, None] * np.array(terms), root * (np.array(sums) - 2 * common))
    own = np.maximum(common + deviation, 0)
    recordings = there[there.sum(axis=1) > 1].sum(axis=0)
    return np.asarray((recordings * own + PRIOR_RECORDINGS * common) / (recordings + PRIOR_RECORDINGS))


def _check_weights(weights: Mapping[str, float], raters: set[str]) -> None:
    bad = sum(not 0 < weights.get(rater, math.nan) < math.inf for rater in raters)
    if bad:
        raise AnnotationError(f"{bad} of {len(raters)} raters lack a weight: give each a positive number")
