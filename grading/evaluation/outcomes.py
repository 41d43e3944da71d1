"""Out-of-fold scores beside their labels, of items and of the sub-scores formed from them."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grading.crossvalidation import CrossValidation, ItemResult
from grading.regression import Floats
from grading.scales import EFACE, Rule, Scale, find_item, fold, scale_of

Group = Literal["patients", "healthy", "all"]
GROUPS: tuple[Group, ...] = ("patients", "healthy", "all")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Scores of one item or sub-score, arrays (k,) over the recordings that have them, in points.

    ``low``, ``high`` and ``normal`` are its range and a normal face's score, ``answers`` the points that can
    be given where it is answered by choice.

    ``rows`` number the recordings of the cross-validation and ``folds`` the fold in which each was left out.
    ``predicted`` takes the affected side from the record, ``estimated`` never does. ``median`` is the
    constant that one would always answer, the median label of the training folds' recordings of the same
    group; ``median_all`` that of everybody's.
    """

    id: str
    name: str
    low: float
    high: float
    normal: float
    answers: tuple[float, ...]
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
    def span(self) -> float:
        """Width of the range in points."""
        return self.high - self.low

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
        """The same with scores of both sides of balanced folded there, 0-100; any other score as it is."""
        if not self.low < self.normal < self.high:
            return self
        scores = ("labels", "predicted", "estimated", "median", "median_all")
        values: dict[str, Any] = {
            name: np.array([fold(score) for score in getattr(self, name)]) for name in scores
        }
        return replace(self, low=0.0, high=self.normal, **values)

    def _where(self, chosen: NDArray[np.bool_]) -> "Outcomes":
        arrays = (field.name for field in fields(self) if isinstance(getattr(self, field.name), np.ndarray))
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})


def item_outcomes(validation: CrossValidation) -> tuple[Outcomes, ...]:
    """The outcomes of every item, in the order of the recipe."""
    return tuple(_of_item(validation, result) for result in validation.items.values())


def sub_score_outcomes(validation: CrossValidation) -> tuple[Outcomes, ...]:
    """The outcomes of the scores derived from several items; of eFACE's only the folded ones (0-100).

    A recording counts where all items of the score have a label and a prediction; a score that no recording
    has is left out. Items answered by choice count as the answer nearest to their prediction.
    """
    scale = scale_of(next(iter(validation.items)))
    found = [
        _of_rule(validation, scale, rule, bounds)
        for rule, bounds in zip(scale.rules, scale.bounds, strict=True)
        if len(rule.weights) > 1
        and rule.weights.keys() <= validation.items.keys()
        and (scale is not EFACE or rule.formula.id == "folded")
    ]
    return tuple(outcomes for outcomes in found if len(outcomes))


def _of_rule(validation: CrossValidation, scale: Scale, rule: Rule, bounds: tuple[float, float]) -> Outcomes:
    parts = [validation.items[item_id] for item_id in rule.weights]
    rows = parts[0].rows
    for part in parts[1:]:
        rows = np.intersect1d(rows, part.rows)

    def derive(kind: str) -> Floats:
        values = {part.item: getattr(part, kind)[np.searchsorted(part.rows, rows)] for part in parts}
        return np.array(
            [
                rule.derive({item: find_item(item).answer(float(of[place])) for item, of in values.items()})
                for place in range(len(rows))
            ]
        )

    labels = derive("labels")
    folds = parts[0].fold[np.searchsorted(parts[0].rows, rows)]
    cohort, healthy = validation.cohort[rows], validation.healthy[rows]
    same_cohort = cohort[:, None] == cohort
    normal = rule.derive({item: scale.by_id[item].normal for item in rule.weights})
    return Outcomes(
        rule.id,
        f"{rule.name}, folded" if scale is EFACE else rule.name,
        bounds[0],
        bounds[1],
        normal,
        (),
        rows,
        *_owners(validation, rows),
        labels,
        derive("predicted"),
        derive("estimated"),
        _medians(labels, folds, same_cohort & (healthy[:, None] == healthy), normal),
        _medians(labels, folds, same_cohort, normal),
        folds,
    )


def _of_item(validation: CrossValidation, result: ItemResult) -> Outcomes:
    item = find_item(result.item)
    return Outcomes(
        item.id,
        f"{item.id} {item.name}",
        item.low,
        item.high,
        item.normal,
        item.answers,
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


def _medians(labels: Floats, folds: NDArray[np.int_], alike: NDArray[np.bool_], normal: float) -> Floats:
    """The median label of those ``alike`` (k, k) in the other folds, per recording; without any, normal."""
    seen = alike & (folds[:, None] != folds)
    return np.array([np.median(labels[row]) if row.any() else normal for row in seen])
