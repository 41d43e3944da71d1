"""Several raters: their annotations, the labels that follow from them, and how far they agree.

`annotations.csv` has one row per recording and rater with the columns subject, session, rater and one per
item of any scale; an item left empty is not known. docs/raters.md explains the choices made here.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grading.agreement import Agreement, rater_agreement
from grading.errors import PermanentError
from grading.scales import SCALES, Item, ScoreError, scale_of

Floats = NDArray[np.float64]

ANNOTATIONS = "annotations.csv"
PRIOR_RECORDINGS = 20
"""A rater's own variance counts as much as that of all raters once they graded this many recordings."""

_KEYS = ("subject", "session", "rater")


class AnnotationError(PermanentError):
    """Annotations cannot be used as they are; the message names the file, the row and what to do."""

    code = "annotations.invalid"


@dataclass(frozen=True)
class Annotation:
    """One rater's scores for one recording, in points by item id; unknown ones are left out.

    Raises `ScoreError` for an unknown item and a score that its item does not take.
    """

    subject: str
    session: str
    rater: str
    scores: Mapping[str, float]

    def __post_init__(self) -> None:
        for item, score in self.scores.items():
            scale_of(item).check({item: score})


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
    """One item: ``scores`` (recordings, raters), nan where a rater did not score a recording."""

    item: Item
    recordings: tuple[tuple[str, str], ...]
    raters: tuple[str, ...]
    scores: Floats


def read_annotations(path: Path) -> tuple[Annotation, ...]:
    """Read and check a table of annotations, in its order.

    Raises `AnnotationError` where the table is missing or malformed, a column is neither a key nor an item, a
    score is not one that its item takes, or a rater scored a recording twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            columns = [name for name in reader.fieldnames or () if name]
    except OSError as error:
        raise AnnotationError(f"{path} cannot be read: give a table of annotations") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(f"{path} is not a UTF-8 table with commas: export it again as CSV") from error
    _check_columns(columns, path)
    if not rows:
        raise AnnotationError(f"{path} has no rows: add one per recording and rater")
    annotations = []
    first: dict[tuple[str, str, str], int] = {}
    for number, row in rows:
        annotation = _annotation(row, f"{path} row {number}")
        key = (annotation.subject, annotation.session, annotation.rater)
        if key in first:
            raise AnnotationError(
                f"{path} rows {first[key]} and {number} are of the same recording and rater: keep one, or "
                "name the repeat as another rater"
            )
        first[key] = number
        annotations.append(annotation)
    return tuple(annotations)


def _check_columns(columns: Sequence[str], path: Path) -> None:
    missing = [name for name in _KEYS if name not in columns]
    if missing:
        raise AnnotationError(f"{path} lacks the column {', '.join(missing)}: add it")
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise AnnotationError(f"{path} has the column {', '.join(doubled)} twice: keep one")
    items = {item.id for scale in SCALES.values() for item in scale.items}
    others = [name for name in columns if name not in items and name not in _KEYS]
    if others:
        # a misspelt item must not be lost in silence
        raise AnnotationError(f"{path}: the column {', '.join(others)} is no item: correct or remove it")
    if len(columns) == len(_KEYS):
        raise AnnotationError(f"{path} has no column of an item: add one per item, such as R1")


def _annotation(row: Mapping[str | None, str | None], where: str) -> Annotation:
    if None in row or None in row.values():
        raise AnnotationError(
            f"{where} has more or fewer cells than the header: quote cells that hold commas"
        )
    cells = {name: (value or "").strip() for name, value in row.items() if name}
    for name in _KEYS:
        if not cells[name]:
            raise AnnotationError(f"{where}: the {name} is empty: fill it in")
    scores = {name: _number(cell) for name, cell in cells.items() if cell and name not in _KEYS}
    try:
        return Annotation(cells["subject"], cells["session"], cells["rater"], scores)
    except ScoreError as error:
        raise AnnotationError(f"{where}: {error}, or left empty if not known") from error


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def combine(
    annotations: Sequence[Annotation],
    weights: Literal["equal", "estimated"] | Mapping[str, float] = "equal",
) -> tuple[Consensus, ...]:
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
    for grid in _grids(annotations):
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
            labels[recording][grid.item.id] = _label(float(mean), grid.item)
            spread[recording][grid.item.id] = float(width)
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
    for grid in _grids(annotations):
        weights = 1 / _variances(grid.scores)
        shares[grid.item.id] = dict(zip(grid.raters, (weights / weights.sum()).tolist(), strict=True))
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
    found = {}
    for grid in _grids(annotations):
        complete = ~np.isnan(grid.scores).any(axis=1)
        subjects = [grid.recordings[row][0] for row in np.flatnonzero(complete)]
        found[grid.item.id] = rater_agreement(
            grid.scores[complete],
            [(persons or {}).get(subject, subject) for subject in subjects],
            _answers(grid.item),
            draws=draws,
            seed=seed,
        )
    return found


def _grids(annotations: Sequence[Annotation]) -> list[_Grid]:
    """The scores of each item that has any, in the order of the scales."""
    by_item: dict[str, dict[tuple[str, str], dict[str, float]]] = {}
    seen = set()
    for one in annotations:
        recording = (one.subject, one.session)
        if (recording, one.rater) in seen:
            raise ValueError("a rater annotated a recording twice: keep one annotation")
        seen.add((recording, one.rater))
        for item_id, score in one.scores.items():
            by_item.setdefault(item_id, {}).setdefault(recording, {})[one.rater] = score
    return [
        _grid(item, by_item[item.id])
        for scale in SCALES.values()
        for item in scale.items
        if item.id in by_item
    ]


def _grid(item: Item, scores: Mapping[tuple[str, str], Mapping[str, float]]) -> _Grid:
    raters = tuple(sorted({rater for given in scores.values() for rater in given}))
    table = [[given.get(rater, math.nan) for rater in raters] for given in scores.values()]
    return _Grid(item, tuple(scores), raters, np.array(table))


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


def _answers(item: Item) -> list[float] | None:
    """The points that can be given for an item answered by choice, in order; None for any other."""
    return sorted({option.value for option in item.options}) or None


def _label(mean: float, item: Item) -> float:
    # rounded, so that a mean just between two answers is seen to be
    return min(
        _answers(item) or [mean],
        key=lambda answer: (round(abs(answer - mean), 9), -abs(answer - item.normal)),
    )
