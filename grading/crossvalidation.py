"""How wrong a recipe is on people it has not seen.

Source: Raj et al., Section 5.1 (11-fold cross-validation in which a person's recordings stay together).

Where a recipe compares the two sides of a face, a patient's affected side is taken from the record; of those
without one (healthy people) it is estimated, as it would be in use. What the estimate would have made of
every recording is kept beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.calibration import slope
from grading.cohort import Cohort, LabelledRecording
from grading.errors import PermanentError
from grading.features import CohortMaps
from grading.kernels import Kernels
from grading.maps import Cases
from grading.recipes import Block, Recipe
from grading.regression import DualFit, Floats, Target, fit
from grading.scales import find_item

Rows = NDArray[np.int_]
SIDE_TARGET = Target(-1.0, 1.0)
"""The affected side as a number: -1 right, +1 left."""

ONE_PERSON = "the cohort has only one person: add recordings of others, cross-validation needs at least two"


class TrainingError(PermanentError):
    """The cohorts do not carry what training needs."""

    code = "training.data"


@dataclass(frozen=True, eq=False)
class ItemResult:
    """Out-of-fold scores of one item, in points within its range; ``rows`` (k,) number the recordings.

    ``predicted`` takes the affected side from the record where it is known, ``estimated`` never does.
    ``median`` is what always answering the median label of the training folds' recordings of the same cohort
    and group would say, ``median_all`` of the same cohort. ``fold`` (k,) numbers the fold left out.
    """

    item: str
    rows: Rows
    labels: Floats
    predicted: Floats
    estimated: Floats
    median: Floats
    median_all: Floats
    fold: Rows


@dataclass(frozen=True, eq=False)
class SideResult:
    """Out-of-fold estimates of the affected side.

    ``rows`` (k,) number the recordings whose side is known, ``left`` (k,) says it; ``score`` (k,) is below 0
    for right and above 0 for left.
    """

    rows: Rows
    left: NDArray[np.bool_]
    score: Floats

    @property
    def right_share(self) -> float:
        """How often the estimate is right, 0-1; NaN where no side is known."""
        return float(np.mean((self.score > 0) == self.left)) if len(self.rows) else float("nan")


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """A recipe's out-of-fold results on ``recordings``.

    ``cohort`` (n,) numbers the cohort of each recording among ``cohorts``; ``side`` is None where the recipe
    does not ask for it.
    """

    recipe: Recipe
    backbone: str
    layer: str
    folds: int
    cohorts: tuple[str, ...]
    recordings: tuple[LabelledRecording, ...]
    cohort: Rows
    items: Mapping[str, ItemResult]
    side: SideResult | None

    @property
    def persons(self) -> NDArray[np.str_]:
        """The person of each recording (n,)."""
        return np.array([recording.person for recording in self.recordings])

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """Which recordings are of healthy people (n,)."""
        return np.array([recording.healthy for recording in self.recordings])


def pool(cohorts: Sequence[Cohort]) -> tuple[Cohort, Rows]:
    """All cohorts as one, and the number of the cohort of each recording.

    Raises `TrainingError` where there are none or two share a name.
    """
    names = [cohort.name for cohort in cohorts]
    if not names or len(set(names)) < len(names):
        raise TrainingError("give one or more cohort folders, each with a name of its own")
    recordings = tuple(recording for cohort in cohorts for recording in cohort.recordings)
    index = np.repeat(np.arange(len(cohorts)), [len(cohort.recordings) for cohort in cohorts])
    return Cohort(" + ".join(names), "", recordings), index


@dataclass(frozen=True, eq=False)
class Learned:
    """A fit in dual form on ``cases`` (k,), and the factors ``scales`` by which ``blocks`` were mixed."""

    fitted: DualFit
    cases: Rows
    kernels: Kernels
    blocks: Sequence[Block]
    scales: list[float]

    def predict(self, cases: Rows) -> Floats:
        """Scores (m,) of ``cases``, not clipped."""
        return self.fitted.predict(self.kernels.mixed(self.blocks, self.scales, cases, self.cases))


class Trials:
    """The recordings of pooled cohorts as cases to learn from, each once with either side as affected.

    Case k is recording k with the right side taken as affected, case n + k with the left; a recipe without
    sides has only the first n cases. ``maps`` are those of the pooled cohorts. What is computed of them is
    kept, so that further cross-validations of the same trials cost little.

    Raises `TrainingError` where cohorts share a name or a side is missing.
    """

    def __init__(self, cohorts: Sequence[Cohort], maps: CohortMaps, recipe: Recipe) -> None:
        cohort, self.index = pool(cohorts)
        check_sides(cohort.recordings, recipe)
        self.cohorts = tuple(one.name for one in cohorts)
        self.recordings = cohort.recordings
        self.recipe = recipe
        self.sided = bool(recipe.side)
        count = len(self.recordings)
        turns = 2 if self.sided else 1
        self.cases = Cases(np.tile(np.arange(count), turns), np.repeat(np.arange(turns) == 1, count))
        self.kernels = Kernels(maps.maps, self.cases)
        self.persons = np.array([recording.person for recording in self.recordings])
        self._usable = maps.usable
        self._poses = maps.maps.poses

    def __len__(self) -> int:
        return len(self.recordings)

    def readable(self, blocks: Sequence[Block]) -> NDArray[np.bool_]:
        """Which recordings have every photo that these blocks read (n,)."""
        poses = {pose for block in blocks for pose in block.photos}
        if any(block.source == "movement" for block in blocks):
            poses.add(self._poses[0])
        columns = [self._poses.index(pose) for pose in poses]
        return np.asarray(self._usable[:, columns].all(axis=1))

    def to_learn(self, rows: Rows) -> tuple[Rows, Floats]:
        """Cases of these recordings to train on, and their weights.

        A known side gives one case of weight 1. A healthy face has no affected side: it is learned both ways
        round, half a case each.
        """
        if not self.sided:
            return rows, np.ones(len(rows))
        right, left = ([row for row in rows if self.recordings[row].side == side] for side in ("R", "L"))
        none = [row for row in rows if self.recordings[row].side is None]
        count = len(self)
        cases = [*right, *(row + count for row in left), *none, *(row + count for row in none)]
        weights = np.ones(len(cases))
        weights[len(right) + len(left) :] = 0.5
        return np.array(cases, dtype=np.int_), weights

    def learn(self, item_id: str, rows: Rows, labels: Floats) -> Learned:
        """Fit an item on recordings ``rows``; ``labels`` (n,) are those of all recordings."""
        cases, weights = self.to_learn(rows)
        item = find_item(item_id)
        target = Target(item.low, item.high)
        return self._fit(
            self.recipe.blocks[item_id], cases, labels[cases % len(self)], target, weights, item.normal
        )

    def learn_side(self, rows: Rows) -> Learned:
        """Fit the affected side on recordings ``rows`` whose side is known, both ways round."""
        count = len(self)
        cases = np.concatenate([rows, rows + count])
        # With the right side taken as affected, a face whose left is affected looks the other way round.
        left = np.array([self.recordings[row].side == "L" for row in rows])
        labels = np.where(np.concatenate([left, ~left]), 1.0, -1.0)
        return self._fit(self.recipe.side, cases, labels, SIDE_TARGET, np.ones(len(cases)))

    def _fit(
        self,
        blocks: Sequence[Block],
        cases: Rows,
        labels: Floats,
        target: Target,
        weights: Floats,
        normal: float | None = None,
    ) -> Learned:
        """Fit; where the recipe wants it and a ``normal`` score is known, calibrated about it."""
        settings = self.recipe.regression
        scales = self.kernels.scales(blocks, cases)
        kernel = self.kernels.mixed(blocks, scales, cases, cases)
        fitted = fit(kernel, labels, target, settings, weights)
        if settings.calibrated and normal is not None:
            rows = cases % len(self)
            patients = np.array([not self.recordings[row].healthy for row in rows])
            factor = slope(kernel, labels, self.persons[rows], patients, normal, target, settings, weights)
            fitted = fitted.stretched(factor, normal)
        return Learned(fitted, cases, self.kernels, blocks, scales)


def labels_of(recordings: Sequence[LabelledRecording], item_id: str) -> Floats:
    """Labels (n,) in points, NaN where unknown."""
    return np.array([recording.labels.get(item_id, np.nan) for recording in recordings])


def check_sides(recordings: Sequence[LabelledRecording], recipe: Recipe) -> None:
    """Raise `TrainingError` where a patient's affected side is unknown and the recipe asks for it."""
    for recording in recordings:
        if recipe.side and recording.side is None and not recording.healthy:
            raise TrainingError(
                f"the affected side of {recording.subject}/{recording.session} is not given: put L or R into "
                "the column side, or train with the recipe paper, which does not ask for it"
            )


def cross_validate(
    trials: Trials, backbone: tuple[str, str], folds: int = 11, seed: int | None = None
) -> CrossValidation:
    """Predict every labelled recording by a model that has seen no recording of that person.

    ``backbone`` is the name and layer that the maps of ``trials`` came from. With fewer persons than
    ``folds`` there are as many folds as persons. ``seed`` deals the persons to folds at random; None deals
    them by the number of their recordings.

    Raises `TrainingError` where an item has labels of fewer than two persons.
    """
    from sklearn.model_selection import GroupKFold

    count = min(folds, len(set(trials.persons)))
    if count < 2:
        raise TrainingError(ONE_PERSON)
    dealing = GroupKFold(count, shuffle=seed is not None, random_state=seed)
    fold = np.empty(len(trials), dtype=np.int_)
    for number, (_, unseen) in enumerate(dealing.split(fold, groups=trials.persons)):
        fold[unseen] = number
    side, scores = _side_estimates(trials, fold) if trials.sided else (None, np.full(len(trials), -1.0))
    items = {item_id: _item_result(trials, item_id, fold, scores) for item_id in trials.recipe.blocks}
    return CrossValidation(
        trials.recipe, *backbone, count, trials.cohorts, trials.recordings, trials.index, items, side
    )


def _side_estimates(trials: Trials, fold: Rows) -> tuple[SideResult, Floats]:
    """Out-of-fold side scores of all recordings."""
    scores = np.full(len(trials), -1.0)
    readable = trials.readable(trials.recipe.side)
    known = np.array([recording.side is not None for recording in trials.recordings]) & readable
    for number in range(fold.max() + 1):
        rows = np.flatnonzero(known & (fold != number))
        unseen = np.flatnonzero(readable & (fold == number))
        if len(rows) and len(unseen):
            scores[unseen] = trials.learn_side(rows).predict(unseen)
    rows = np.flatnonzero(known)
    left = np.array([trials.recordings[row].side == "L" for row in rows], dtype=np.bool_)
    return SideResult(rows, left, scores[rows]), scores


def _item_result(trials: Trials, item_id: str, fold: Rows, side_scores: Floats) -> ItemResult:
    item = find_item(item_id)
    index = trials.index
    labels = labels_of(trials.recordings, item_id)
    usable = trials.readable(trials.recipe.blocks[item_id]) & ~np.isnan(labels)
    rows = np.flatnonzero(usable)
    check_labels(item_id, labels[rows], trials.persons[rows])
    groups = 2 * index + np.array([recording.healthy for recording in trials.recordings])
    both = np.full((len(trials), 2), np.nan)
    median = np.full((2, len(trials)), np.nan)
    for number in np.unique(fold[rows]):
        seen, unseen = rows[fold[rows] != number], rows[fold[rows] == number]
        if not len(seen):
            raise TrainingError(f"{item_id} is labelled for fewer than two persons: add labelled recordings")
        learned = trials.learn(item_id, seen, labels)
        for turn in range(2 if trials.sided else 1):
            both[unseen, turn] = learned.predict(unseen + turn * len(trials))
        for group in np.unique(groups[unseen]):
            of_group, of_cohort = seen[groups[seen] == group], seen[index[seen] == group // 2]
            medians = [_median(labels[like], item.normal) for like in (of_group, of_cohort)]
            median[:, unseen[groups[unseen] == group]] = np.array(medians)[:, None]
    both = np.clip(both, item.low, item.high)
    estimated = np.where(side_scores > 0, both[:, 1], both[:, 0])
    recorded = np.array([recording.side for recording in trials.recordings])
    predicted = np.select([recorded == "R", recorded == "L"], [both[:, 0], both[:, 1]], estimated)
    if not trials.sided:
        predicted = estimated = both[:, 0]
    return ItemResult(
        item_id,
        rows,
        labels[rows],
        predicted[rows],
        estimated[rows],
        median[0, rows],
        median[1, rows],
        fold[rows],
    )


def check_trainable(cohorts: Sequence[Cohort], recipe: Recipe) -> None:
    """Raise `TrainingError` for what can be told of cohorts before their photos are gone over."""
    recordings = pool(cohorts)[0].recordings
    check_sides(recordings, recipe)
    persons = np.array([recording.person for recording in recordings])
    if len(set(persons)) < 2:
        raise TrainingError(ONE_PERSON)
    for item_id in recipe.blocks:
        labels = labels_of(recordings, item_id)
        known = ~np.isnan(labels)
        check_labels(item_id, labels[known], persons[known])


def check_labels(item_id: str, labels: Floats, persons: NDArray[np.str_]) -> None:
    """Raise `TrainingError` where labels cannot teach anything."""
    if len(set(persons)) < 2:
        raise TrainingError(f"{item_id} is labelled for fewer than two persons: add labelled recordings")
    if len(set(labels)) < 2:
        raise TrainingError(f"{item_id} has the same label in every recording: add others or leave it empty")


def _median(labels: Floats, normal: float) -> float:
    # with nobody like them in the training folds, "normal" is what one would say
    return float(np.median(labels)) if len(labels) else normal
