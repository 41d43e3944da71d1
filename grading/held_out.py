"""What was said of recordings by models that had not seen the person, beside what their labels say.

Cross-validation makes these predictions to measure a bundle; they travel with it, so that they can be drawn
where the bundle is looked at. Nobody can be told by them: a person is a number, and the rows stand in an
order that keeps nothing of the cohort's.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grading.crossvalidation import CrossValidation
from grading.regression import Floats
from grading.scales import find_item, fold
from grading.uncertainty import SUB_SCORES

_LABELS, _PREDICTED = "held_out.labels", "held_out.predicted"
_COHORT, _PERSON, _HEALTHY = "held_out.cohort", "held_out.person", "held_out.healthy"
_DIGITS = 2
"""Decimals that are kept: more would only tell on how many threads it was computed."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Labels and predictions (k,) of one item or folded sub-score, in points from ``low`` to ``high``."""

    score: str
    low: float
    high: float
    labels: Floats
    predicted: Floats
    healthy: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def of_patients(self) -> "Pairs":
        """Those of recordings with palsy."""
        there = ~self.healthy
        return Pairs(
            self.score, self.low, self.high, self.labels[there], self.predicted[there], self.healthy[there]
        )


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One row for each of n recordings that cross-validation predicted.

    ``labels`` and ``predicted`` are (n, items) float32 in points, in the order of ``items``, NaN where a
    recording has none; predictions take the affected side from the record where it is known. ``cohort`` (n,)
    numbers the bundle's cohorts, ``person`` (n,) has the same number for recordings of one person, and
    ``healthy`` (n,) says which are of healthy people.
    """

    items: tuple[str, ...]
    labels: NDArray[np.float32]
    predicted: NDArray[np.float32]
    cohort: NDArray[np.int32]
    person: NDArray[np.int32]
    healthy: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.cohort)

    def pairs(self, cohort: int) -> tuple[Pairs, ...]:
        """Of one cohort by its number: every item, then the folded sub-scores of which all items are there.

        A recording counts where it has all that a score needs; scores that no recording has are left out.
        """
        here = np.flatnonzero(self.cohort == cohort)
        items = [self._item(item, here) for item in self.items]
        derived = [
            self._sub_score(name, [item.id for item in parts], here)
            for name, parts in SUB_SCORES.items()
            if all(item.id in self.items for item in parts)
        ]
        return tuple(pairs for pairs in (*items, *derived) if len(pairs))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Its numbers by the names they have in a bundle's weights."""
        return {
            _LABELS: np.ascontiguousarray(self.labels, dtype="<f4"),
            _PREDICTED: np.ascontiguousarray(self.predicted, dtype="<f4"),
            _COHORT: np.ascontiguousarray(self.cohort, dtype="<i4"),
            _PERSON: np.ascontiguousarray(self.person, dtype="<i4"),
            _HEALTHY: np.ascontiguousarray(self.healthy, dtype="|u1"),
        }

    def describe(self) -> dict[str, Any]:
        """What a bundle's manifest says of it."""
        return {"recordings": len(self), "people": len(set(self.person.tolist()))}

    def _item(self, item_id: str, rows: NDArray[np.int_]) -> Pairs:
        item, place = find_item(item_id), self.items.index(item_id)
        labels, predicted = (of[rows, place].astype(np.float64) for of in (self.labels, self.predicted))
        there = ~(np.isnan(labels) | np.isnan(predicted))
        return Pairs(item_id, item.low, item.high, labels[there], predicted[there], self.healthy[rows][there])

    def _sub_score(self, name: str, items: Sequence[str], rows: NDArray[np.int_]) -> Pairs:
        places = [self.items.index(item) for item in items]
        labels, predicted = (
            np.array([[fold(float(score)) for score in row] for row in of[rows][:, places]])
            .reshape(len(rows), len(places))
            .mean(axis=1)
            for of in (self.labels, self.predicted)
        )
        there = ~(np.isnan(labels) | np.isnan(predicted))
        return Pairs(name, 0.0, 100.0, labels[there], predicted[there], self.healthy[rows][there])


def held_out(results: CrossValidation) -> HeldOut:
    """The out-of-fold predictions of a cross-validation, without whose they are."""
    items = tuple(results.items)
    shape = (len(results.recordings), len(items))
    labels, predicted = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    for column, result in enumerate(results.items.values()):
        labels[result.rows, column] = result.labels
        predicted[result.rows, column] = np.round(result.predicted, _DIGITS)
    # by what is said of them, so that nothing is left of the order in which the cohort names them
    order = np.lexsort([*predicted.T[::-1], *labels.T[::-1], results.healthy, results.cohort])
    order = order[~np.isnan(labels[order]).all(axis=1)]
    numbers: dict[str, int] = {}
    persons = [numbers.setdefault(name, len(numbers)) for name in results.persons[order]]
    return HeldOut(
        items,
        labels[order],
        predicted[order],
        results.cohort[order].astype(np.int32),
        np.array(persons, dtype=np.int32),
        results.healthy[order],
    )


def restore_held_out(
    described: Mapping[str, Any], items: tuple[str, ...], tensors: Mapping[str, NDArray[Any]]
) -> HeldOut:
    """What `HeldOut.describe` and `HeldOut.tensors` tell of, for a bundle of ``items``.

    Raises KeyError or ValueError where they do not fit.
    """
    count = described["recordings"]
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys((_LABELS, _PREDICTED), (count, len(items)))
    shapes |= dict.fromkeys((_COHORT, _PERSON, _HEALTHY), (count,))
    if any(tensors[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("the predictions of recordings held out")
    return HeldOut(
        items,
        tensors[_LABELS],
        tensors[_PREDICTED],
        tensors[_COHORT],
        tensors[_PERSON],
        tensors[_HEALTHY].astype(np.bool_),
    )


def write_held_out(held: HeldOut, cohorts: Sequence[str], data: str, path: Path) -> None:
    """Write one row per recording: cohort, person, group, and label and prediction of every item.

    ``data`` says on every row what was measured on.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        kinds = [f"{item}_{kind}" for item in held.items for kind in ("label", "predicted")]
        table.writerow(["cohort", "person", "group", *kinds, "data"])
        for row in range(len(held)):
            group = "healthy" if held.healthy[row] else "patients"
            table.writerow([cohorts[held.cohort[row]], held.person[row], group, *_cells(held, row), data])


def _cells(held: HeldOut, row: int) -> Iterator[str]:
    for pair in zip(held.labels[row], held.predicted[row], strict=True):
        yield from ("" if np.isnan(score) else f"{score:.{_DIGITS}f}" for score in pair)
