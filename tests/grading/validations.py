"""Cross-validations with known answers: labels and predictions as given, nothing learned."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grading.cohort import LabelledRecording
from grading.crossvalidation import CrossValidation, ItemResult, SideResult
from grading.recipes import RECIPES, Recipe
from grading.scales import find_item

Floats = NDArray[np.float64]


def validated(
    items: Mapping[str, tuple[ArrayLike, ArrayLike]],
    healthy: Sequence[bool],
    *,
    persons: Sequence[str] | None = None,
    folds: Sequence[int] | None = None,
    recipe: str = "paper",
    layer: str = "block10",
    side: SideResult | None = None,
) -> CrossValidation:
    """Recordings with the labels and predictions (n,) of each item; a label of nan is not known.

    Every recording is a person's only one and a fold of its own unless told otherwise; recordings of one
    person are sessions of one subject. The constant median is that of the other folds, as
    cross-validation takes it.
    """
    count = len(healthy)
    owners = list(persons or [f"p{number}" for number in range(count)])
    fold = np.array(folds if folds is not None else range(count))
    recordings = tuple(
        LabelledRecording(
            f"S-{owner}", f"T{number}", owner, healthy[number], None if healthy[number] else "L", {}, {}
        )
        for number, owner in enumerate(owners)
    )
    results = {
        item: _result(item, np.asarray(labels, float), np.asarray(predicted, float), np.array(healthy), fold)
        for item, (labels, predicted) in items.items()
    }
    made: Recipe = RECIPES[recipe](tuple(find_item(item) for item in items))
    return CrossValidation(
        made, "efficientnet-lite0", layer, int(fold.max()) + 1, ("drawn",), recordings,
        np.zeros(count, dtype=np.int_), results, side,
    )  # fmt: skip


def _result(
    item: str, labels: Floats, predicted: Floats, healthy: NDArray[np.bool_], fold: NDArray[np.int_]
) -> ItemResult:
    rows = np.flatnonzero(~np.isnan(labels))
    known = np.isin(np.arange(len(labels)), rows)
    medians = [
        [
            np.median(labels[chosen]) if (chosen := known & (fold != fold[row]) & alike).any() else np.nan
            for alike in (healthy == healthy[row], np.full(len(labels), True))
        ]
        for row in rows
    ]
    median, median_all = np.array(medians).T if len(rows) else (np.array([]), np.array([]))
    median = np.where(np.isnan(median), find_item(item).normal, median)
    return ItemResult(
        item, rows, labels[rows], predicted[rows], predicted[rows], median, median_all, fold[rows]
    )
