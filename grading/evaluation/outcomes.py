"""Out-of-fold scores beside their labels, of items and of the sub-scores formed from them."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grading.crossvalidation import CrossValidation, ItemResult
from grading.regression import Floats
from grading.scales import find_item, fold, sub_scores

Group = Literal["patients", "healthy", "all"]
GROUPS: tuple[Group, ...] = ("patients", "healthy", "all")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Scores of one item or sub-score, arrays (k,) over the recordings that have them, in points.

    ``rows`` number the recordings of the cross-validation and ``folds`` the fold in which each was left out.
    ``predicted`` takes the affected side from the record, ``estimated`` never does. ``median`` is the
    constant that one would always answer, the median label of the training folds' recordings of the same
    group; ``median_all`` that of everybody's.
    """

    id: str
    name: str
    span: float
    rows: NDArray[np.int_]
    persons: NDArray[np.str_]
    subjects: NDArray[np.str_]
    sessions: NDArray[np.str_]
    healthy: NDArray[np.bool_]
    labels: Floats
    predicted: Floats
    estimated: Floats
    median: Floats
    median_all: Floats
    folds: NDArray[np.int_]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def errors(self) -> Floats:
        """Absolute errors (k,)."""
        return np.abs(self.predicted - self.labels)

    def of(self, group: Group) -> "Outcomes":
        """The outcomes of one group. The constant to beat is then its own median; of all, everybody's."""
        if group == "all":
            return replace(self, median=self.median_all)
        return self._where(self.healthy == (group == "healthy"))

    def by_estimate(self) -> "Outcomes":
        """The same with the affected side estimated throughout."""
        return replace(self, predicted=self.estimated)

    def folded(self) -> "Outcomes":
        """The same with every score folded at balanced, 0-100, so that more is always better."""
        scores = ("labels", "predicted", "estimated", "median", "median_all")
        values: dict[str, Any] = {
            name: np.array([fold(score) for score in getattr(self, name)]) for name in scores
        }
        return replace(self, span=100.0, **values)

    def _where(self, chosen: NDArray[np.bool_]) -> "Outcomes":
        arrays = (field.name for field in fields(self) if isinstance(getattr(self, field.name), np.ndarray))
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})


def item_outcomes(validation: CrossValidation) -> tuple[Outcomes, ...]:
    """The outcomes of every item, in the order of the recipe."""
    return tuple(_of_item(validation, result) for result in validation.items.values())


def sub_score_outcomes(validation: CrossValidation) -> tuple[Outcomes, ...]:
    """The outcomes of the folded static and dynamic sub-score (0-100, 100 normal).

    A recording counts where all items of the sub-score have a label and a prediction; a sub-score that no
    recording has is left out.
    """
    labels, predicted, estimated = (
        _sub_scores(validation, kind) for kind in ("labels", "predicted", "estimated")
    )
    fold_of = {
        int(row): int(number)
        for result in validation.items.values()
        for row, number in zip(result.rows, result.fold, strict=True)
    }
    outcomes = []
    for name in dict.fromkeys(name for name, _ in labels):
        rows = np.array([row for sub_score, row in labels if sub_score == name], dtype=np.int_)
        truth = np.array([labels[name, row] for row in rows])
        folds = np.array([fold_of[row] for row in rows])
        cohort, healthy = validation.cohort[rows], validation.healthy[rows]
        same_cohort = cohort[:, None] == cohort
        alike = same_cohort & (healthy[:, None] == healthy)
        outcomes.append(
            Outcomes(
                name.lower(),
                f"{name}, folded",
                100.0,
                rows,
                *_owners(validation, rows),
                truth,
                np.array([predicted[name, row] for row in rows]),
                np.array([estimated[name, row] for row in rows]),
                _medians(truth, folds, alike),
                _medians(truth, folds, same_cohort),
                folds,
            )
        )
    return tuple(outcomes)


def _of_item(validation: CrossValidation, result: ItemResult) -> Outcomes:
    item = find_item(result.item)
    return Outcomes(
        item.id,
        f"{item.id} {item.name}",
        item.span,
        result.rows,
        *_owners(validation, result.rows),
        result.labels,
        result.predicted,
        result.estimated,
        result.median,
        result.median_all,
        result.fold,
    )


def _owners(
    validation: CrossValidation, rows: NDArray[np.int_]
) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.str_], NDArray[np.bool_]]:
    """Person, subject, session and health of these recordings."""
    recordings = [validation.recordings[row] for row in rows]
    return (
        np.array([recording.person for recording in recordings], dtype=np.str_),
        np.array([recording.subject for recording in recordings], dtype=np.str_),
        np.array([recording.session for recording in recordings], dtype=np.str_),
        np.array([recording.healthy for recording in recordings], dtype=np.bool_),
    )


def _sub_scores(validation: CrossValidation, kind: str) -> dict[tuple[str, int], float]:
    """Folded sub-scores by their name and the recording's row."""
    scores: dict[int, dict[str, float]] = {}
    for result in validation.items.values():
        for row, score in zip(result.rows, getattr(result, kind), strict=True):
            scores.setdefault(int(row), {})[result.item] = float(score)
    return {
        (sub_score.name, row): sub_score.value
        for row, of_row in sorted(scores.items())
        for sub_score in sub_scores(of_row)
        if sub_score.formula == "folded"
    }


def _medians(labels: Floats, folds: NDArray[np.int_], alike: NDArray[np.bool_]) -> Floats:
    """The median label of those ``alike`` (k, k) in the other folds, per recording; without any, normal."""
    seen = alike & (folds[:, None] != folds)
    return np.array([np.median(labels[row]) if row.any() else 100.0 for row in seen])
